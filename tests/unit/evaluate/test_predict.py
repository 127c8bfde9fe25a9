from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from acnet.data.classes import load
from acnet.data.generate import generate
from acnet.errors import AcnetError
from acnet.evaluate.inference import Predictor
from acnet.evaluate.predict import named, predict_files
from acnet.params.protocols import Protocol

OUT = Path("elsewhere")
SINGLE = Protocol(name="single", scales=[1.0])
KINDS = ("labels", "overlay", "confidence", "gate1", "gate2", "gate3", "sheet")


@pytest.fixture
def folder(tmp_path, photograph):
    """An image and, below, the same turned by its EXIF data."""
    made = tmp_path / "in"
    (made / "below").mkdir(parents=True)
    image = Image.fromarray(photograph(33, 47))
    image.save(made / "flat.png")
    image.getexif()[0x0112] = 6
    image.save(made / "below" / "turned.png", exif=image.getexif())
    return made


def test_maps_are_the_networks_at_the_images_size(run, folder, photograph, tmp_path):
    sheets, kinds = predict_files(run.config, run.checkpoint, SINGLE, [folder], tmp_path / "out")
    assert sheets == [tmp_path / "out" / f"{name}.sheet.png" for name in ("below/turned", "flat")]
    assert kinds == list(KINDS)
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert made == {f"{name}.{kind}.png" for name in ("flat", "below/turned") for kind in KINDS}
    predictor, image = Predictor(run.network(), 11, torch.device("cpu")), photograph(33, 47)
    (scores,) = predictor.strips(image, SINGLE, "flat")
    scores = scores.transpose(0, 1)
    labels = Image.open(tmp_path / "out/flat.labels.png")
    assert (np.asarray(labels) == scores.argmax(0).numpy()).all()
    colours = load("camvid").palette[np.asarray(labels)]
    assert (np.asarray(labels.convert("RGB")) == colours).all()
    overlay = np.asarray(Image.open(tmp_path / "out/flat.overlay.png")).astype(int)
    assert abs(overlay - (image.astype(int) + colours) / 2).max() <= 1
    confidence = np.asarray(Image.open(tmp_path / "out/flat.confidence.png"))
    assert abs(confidence - 255 * scores.softmax(0).amax(0).numpy()).max() <= 0.51
    gate = np.asarray(Image.open(tmp_path / "out/flat.gate3.png"))
    assert gate.shape == (33, 47) and gate.max() <= 255
    assert gate.mean() / 255 == pytest.approx(predictor.gates(image, SINGLE, "flat")[2].mean(), abs=0.02)
    assert Image.open(tmp_path / "out/below/turned.labels.png").size == (33, 47)


@pytest.mark.parametrize("size", [(1, 1), (300, 2), (2, 300)])
def test_any_size_has_a_prediction(run, photograph, size, tmp_path):
    Image.fromarray(photograph(*size)).save(tmp_path / "any.png")
    predict_files(run.config, run.checkpoint, SINGLE, [tmp_path / "any.png"], tmp_path / "out")
    assert Image.open(tmp_path / "out/any.labels.png").size == size[::-1]


def test_one_bad_file_is_passed_over_and_listed_in_the_end(run, folder, tmp_path, capsys):
    (folder / "a_bad.png").write_bytes(b"no image")
    with pytest.raises(AcnetError, match="1 of 3 images have no prediction"):
        predict_files(run.config, run.checkpoint, SINGLE, [folder], tmp_path / "out")
    assert f"{folder / 'a_bad.png'}: cannot be read" in capsys.readouterr().err
    assert (tmp_path / "out/flat.labels.png").exists() and not list((tmp_path / "out").glob("a_bad*"))


def test_names_that_only_their_suffix_tells_apart_keep_it(folder):
    Image.new("RGB", (2, 2)).save(folder / "flat.jpg")
    assert [name for _, name in named([folder], OUT)] == ["below/turned", "flat.jpg", "flat.png"]


def test_what_is_no_readable_image_is_named_with_its_number(folder, capsys):
    for name in ("a.HEIC", "b.avif", "c.cr2", "below/d.pdf", ".DS_Store", "._flat.png"):
        (folder / name).write_bytes(b"x")
    assert [name for _, name in named([folder], OUT)] == ["below/turned", "flat"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"acnet: {folder}: skipped 4 of 6 files") and ": a.HEIC, b.avif, below/d.pdf, c.cr2;" in line
    for number in range(9):
        (folder / f"z{number}.heif").write_bytes(b"x")
    named([folder], OUT)
    assert ", c.cr2, z0.heif and 8 more;" in capsys.readouterr().err


def test_an_image_of_an_unknown_kind_is_not_called_damaged(run, folder, tmp_path, capsys):
    (folder / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(AcnetError, match="1 of 1 images"):
        predict_files(run.config, run.checkpoint, SINGLE, [folder / "a.heic"], tmp_path / "out")
    assert (
        "a.heic: cannot be read (no image of a kind that Pillow knows); convert it to PNG or JPEG"
        in capsys.readouterr().err
    )


def test_of_a_datasets_folder_the_images_are_taken_and_the_labels_left(tmp_path):
    generate("ade20k", tmp_path / "ade", 1, {"train": 2, "val": 1, "test": 1}, (20, 24))
    generate("cityscapes", tmp_path / "city", 1, {"train": 2, "val": 1, "test": 1}, (20, 24))
    for given, place, count in (("ade", "ADEChallengeData2016/images", 3), ("city", "leftImg8bit", 4)):
        names = [name for _, name in named([tmp_path / given], OUT)]
        assert sum(name.startswith(place) for name in names) == count
    assert not any("gtFine" in name or "annotations" in name for name in names)
    (tmp_path / "photos").mkdir()
    (tmp_path / "city/gtFine").rename(tmp_path / "photos/gtFine")
    assert len(named([tmp_path / "photos"], OUT)) > 0  # no dataset's folder: whatever it holds


def test_images_without_labels_are_taken_from_a_datasets_folder(tmp_path):
    for file in ("images/val/a.jpg", "images/test/b.jpg", "images/test/c.tif", "labels/val/a.png"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2)).save(tmp_path / file)
    assert [name for _, name in named([tmp_path], OUT)] == ["images/test/b", "images/test/c", "images/val/a"]


def test_earlier_predictions_are_no_images(run, folder, capsys):
    for _ in range(2):
        sheets, _ = predict_files(run.config, run.checkpoint, SINGLE, [folder], folder / "predicted")
        assert len(sheets) == 2
    with pytest.raises(AcnetError, match=r"in: predictions would lie between the images; name another folder"):
        named([folder], folder)


def test_inputs_that_cannot_be_named_are_refused(folder, tmp_path):
    with pytest.raises(AcnetError, match="nowhere: not found"):
        named([tmp_path / "nowhere"], OUT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(AcnetError, match=r"empty: holds no image \(.png, .jpg"):
        named([tmp_path / "empty"], OUT)
    with pytest.raises(AcnetError, match=r"another input is also called flat.png"):
        named([folder, folder / "flat.png"], OUT)
    for name in ("flat.jpg", "flat.png.png"):
        Image.new("RGB", (2, 2)).save(folder / name)
    with pytest.raises(AcnetError, match=r"two images would be called flat.png; rename"):
        named([folder], OUT)


def test_a_link_to_nothing_is_listed_like_a_damaged_image(run, folder, tmp_path, capsys):
    (folder / "gone.png").symlink_to(tmp_path / "nothing.png")
    (folder / "own.png").symlink_to("own.png")
    with pytest.raises(AcnetError, match="2 of 4 images have no prediction"):
        predict_files(run.config, run.checkpoint, SINGLE, [folder], tmp_path / "out")
    said = capsys.readouterr().err
    assert "gone.png" in said and "own.png" in said
