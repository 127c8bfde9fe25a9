"""What a check says of whole, partial, damaged and wrongly coded datasets."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import yaml
from PIL import Image

from acnet.cli import main
from acnet.data import check as check_module
from acnet.data import check_coding, classes
from acnet.data.check import Record, SplitReport, check, text, write
from acnet.files import read_json, read_yaml, write_text

from .conftest import SPLITS, make_dataset

OFF_BY_ONE = pytest.mark.parametrize(("shift", "word"), [(1, "one too high"), (-1, "one too low")])


def found(reader, root, splits=None, **more):
    return check("x", make_dataset(reader, splits=splits or SPLITS[reader], generate=None), root, 1, **more)


@pytest.fixture
def params(root, tmp_path):
    """A function that copies params/ with other splits of one dataset."""

    def copy(name, **changes):
        shutil.copytree(root / "params", tmp_path / "params")
        datasets = read_yaml(root / "params/datasets.yaml")
        datasets[name] |= changes
        write_text(tmp_path / "params/datasets.yaml", yaml.safe_dump(datasets))
        return tmp_path / "params"

    return copy


@pytest.mark.parametrize("reader", SPLITS)
def test_a_whole_dataset_is_good(reader, trees):
    for split, said in found(reader, trees[reader]).items():
        assert said.good, (said.missing, said.problems)
        assert said.complete == said.listed == SPLITS[reader][split]
        assert sum(said.modes.values()) == sum(said.sizes.values()) == said.complete
    train = found(reader, trees[reader])["train"]
    assert list(train.histogram) == list(classes.load(reader).names)


def test_everything_that_is_missing_is_listed(tree):
    root = tree("cityscapes")
    images = sorted(root.glob("leftImg8bit/train/*/*.png"))
    labels = sorted(root.glob("gtFine/train/*/*labelIds.png"))
    images[0].unlink()
    labels[2].unlink()
    shutil.rmtree(root / "gtFine/val")
    said = found("cityscapes", root)
    assert [images[0].name in said["train"].missing[0], labels[2].name in said["train"].missing[1]] == [True, True]
    assert len(said["train"].missing) == 2 and said["train"].complete == 3
    assert "gtFine/val: folder is missing" in said["val"].missing[0]
    assert (said["train"].absent, said["val"].absent) == (2, 2)
    few = found("cityscapes", root, {"train": 2975, "val": 500})
    said_of_few = text("x", few)
    assert "train: 3 complete of 5 listed, 2975 expected: 2972 missing, 0 wrong" in said_of_few
    assert "val: 0 complete of 0 listed, 500 expected: 500 missing, 0 wrong" in said_of_few
    assert said["test"].good


def test_everything_that_is_wrong_is_listed(tree):
    root = tree("ade20k")
    base = root / "ADEChallengeData2016"
    images, labels = (sorted((base / kind / "training").iterdir()) for kind in ("images", "annotations"))
    images[0].write_bytes(b"no jpeg")
    Image.fromarray(np.full((3, 3), 1, np.uint8)).save(labels[1])
    with Image.open(images[2]) as image:
        image.convert("L").save(images[2])
        Image.fromarray(np.full((image.height, image.width), 151, np.uint8)).save(labels[2])
    images[3].write_bytes(b"P6 50000 50000 255\n")
    train = found("ade20k", root)["train"]
    words = (
        "cannot be read",
        "is 3x3",
        "id 151",
        "00000004.jpg: cannot be read (Image size (2500000000 pixels) exceeds",
    )
    assert all(word in line for word, line in zip(words, train.problems, strict=True)), train.problems
    assert train.modes == {"L": 1, "RGB": 2, "unreadable": 2}
    assert train.complete == 1 and not train.good


def test_images_of_16_bits_are_noted_since_half_of_their_bits_is_dropped(tree):
    root = tree("ade20k")
    image = min((root / "ADEChallengeData2016/images/training").iterdir())
    with Image.open(image) as opened:
        Image.fromarray(np.asarray(opened.convert("L")).astype(np.uint16)).save(image, "PNG")
    train = found("ade20k", root)["train"]
    assert train.good and "16-bit images: 1; only the upper 8 bits of each value are used" in train.notes


def test_another_number_of_images_is_missing_only_beyond_a_hundredth(trees):
    said = found("ade20k", trees["ade20k"], {"train": 9, "test": 9})
    assert said["train"].missing == ["5 images instead of 9"] and said["train"].absent == 4
    assert found("ade20k", trees["ade20k"], {"train": 3})["train"].problems == ["5 images instead of 3"]
    assert said["test"].good and said["test"].notes == ["2 images instead of 9"]


def test_dummy_labels_of_cityscapes_are_refused_by_name(tree):
    root = tree("cityscapes")
    for path in root.glob("gtFine/val/*/*labelIds.png"):
        Image.fromarray(np.ones((32, 64), np.uint8)).save(path)
    assert found("cityscapes", root)["val"].problems == [
        "no evaluated class in any label: these are the dummy labels of Cityscapes' test split"
    ]


@OFF_BY_ONE
def test_labels_coded_off_by_one_are_recognised_by_their_histogram(shift, word, tree):
    root = tree("ade20k")
    right = {
        split: {n: c / sum(said.histogram.values()) for n, c in said.histogram.items()}
        for split, said in found("ade20k", root).items()
        if said.histogram
    }
    assert found("ade20k", root, record=Record(Path("right.json"), right))["train"].good
    for path in root.glob("ADEChallengeData2016/annotations/training/*.png"):
        raw = np.array(Image.open(path)).astype(int)
        moved = np.where((raw == 0) | (raw + shift > 150), 0, raw + shift)
        Image.fromarray(moved.astype(np.uint8)).save(path)
    (problem,) = found("ade20k", root, record=Record(Path("right.json"), right))["train"].problems
    assert f"only if every id is {word}: labels are coded off by one" in problem


def test_another_datasets_histogram_is_noticed(trees, monkeypatch):
    names = classes.load("cityscapes").names
    other = {"train": {n: float(n == "bus") for n in names}}
    record = Record(Path("other.json"), other)
    assert found("cityscapes", trees["cityscapes"], record=record)["train"].good  # five images tell nothing
    monkeypatch.setattr(check_module, "MANY", 5)
    (problem,) = found("cityscapes", trees["cityscapes"], record=record)["train"].problems
    assert "differ from the recorded ones" in problem
    assert problem.endswith("compared with other.json (if this copy is right, move that file away)")


def test_an_image_in_two_splits_or_under_two_names_is_noted(tree):
    root = tree("ade20k")
    train, val = (sorted((root / "ADEChallengeData2016/images" / s).iterdir()) for s in ("training", "validation"))
    with Image.open(train[0]) as image, Image.open(train[1]) as another:
        image.save(val[0], "PNG")  # the same pixels in another file
        another.save(train[2], "PNG")
        shapes = {val[0]: image.size, train[2]: another.size}
    for path, (width, height) in shapes.items():
        label = Path(str(path.with_suffix(".png")).replace("images", "annotations"))
        Image.new("L", (width, height), 1).save(label)
    said = found("ade20k", root)
    names = [path.stem for path in (train[2], train[1], val[0], train[0])]
    assert f"1 image with the same pixels as images of train: {names[0]} ({names[1]} there)" in said["train"].notes
    assert f"1 image with the same pixels as images of train: {names[2]} ({names[3]} there)" in said["val"].notes
    assert said["train"].good and said["val"].good


def test_splits_that_list_the_same_image_are_noted(tree):
    root = tree("cocostuff10k")
    lists = root / "imageLists"
    first, *others = (lists / "train.txt").read_text().split()
    (lists / "test.txt").write_text(f"{first}\n{(lists / 'test.txt').read_text().split()[0]}\n")
    assert f"1 image with the same pixels as images of train: {first}" in found("cocostuff10k", root)["test"].notes
    (lists / "train.txt").write_text("\n".join([first, first, *others[:2]]))
    assert found("cocostuff10k", root)["train"].problems == [
        f"{lists / 'train.txt'}: lists {first} 2 times; list each image once"
    ]


def test_an_image_named_as_in_another_split_is_noted(tree):
    root = tree("ade20k")
    for kind, suffix in (("images", ".jpg"), ("annotations", ".png")):
        folder = root / "ADEChallengeData2016" / kind
        min((folder / "validation").iterdir()).rename(folder / "validation" / f"ADE_train_00000001{suffix}")
    name = "1 image with the name, but other pixels, of images of train: ADE_train_00000001"
    assert name in found("ade20k", root)["val"].notes


@pytest.fixture
def voc(trees, tmp_path):
    """A function that writes VOC2010 with 60-class PNGs in some order of classes, and VOC's own lists."""
    ours = classes.load("pascal_context").names
    fcn_first = [*check_coding._VOC[:10], "table", *check_coding._VOC[11:]]

    def build(order):
        images, lists, labels = (
            tmp_path / name for name in ("VOC2010/JPEGImages", "VOC2010/ImageSets/Main", "label60_png")
        )
        for folder in (images, lists, labels):
            folder.mkdir(parents=True)
        shown = fcn_first[:12]
        for number, name in enumerate(shown):
            Image.new("RGB", (8, 6)).save(images / f"{number}.jpg")
            index = ours.index(name) if order == "ours" else fcn_first.index(name)
            Image.fromarray(np.full((6, 8), index + 1, np.uint8)).save(labels / f"{number}.png")
            voc_name = "diningtable" if name == "table" else name
            lines = (f"{i} {' 1' if i == number else '-1'}" for i in range(len(shown)))
            (lists / f"{voc_name}_train.txt").write_text("\n".join(lines))
        (lists / "train.txt").write_text("\n".join(map(str, range(len(shown)))))
        return tmp_path

    return build


@pytest.mark.parametrize(("order", "status"), [("fcn", 2), ("ours", 0)])
def test_the_order_of_fcns_labels_is_not_prepared_either(order, status, voc, params, tmp_path, monkeypatch, capsys):
    options = ["--params-root", str(params("pascal_context", splits={"train": 12}, evaluate="train"))]
    monkeypatch.setenv("ACNET_PASCAL_CONTEXT", str(voc(order)))
    assert main([*options, "--data-root", str(tmp_path), "data", "prepare", "pascal_context"]) == status
    assert ("in the order of FCN's 59_labels.txt" in capsys.readouterr().err) is (status == 2)
    assert (tmp_path / "pascal_context/manifest.json").exists() is (status == 0)


def test_the_command_reports_writes_json_and_fails_if_anything_is_wrong(tree, params, tmp_path, capsys, monkeypatch):
    source, folder = tree("cityscapes"), params("cityscapes", splits=SPLITS["cityscapes"])
    said = ["--params-root", str(folder), "data", "check", "cityscapes", "--source", str(source)]
    assert main([*said, "--record"]) == 2
    assert "not recorded; a split needs 100 images" in capsys.readouterr().err
    (folder / "histograms/cityscapes.json").unlink()
    monkeypatch.setattr(check_module, "MANY", 2)
    assert main([*said, "--record", "--json", str(tmp_path / "r.json")]) == 0
    out = capsys.readouterr().out
    assert "train: 5 complete of 5 listed, 5 expected: good" in out and "modes: RGB 5; sizes: 64x32 5" in out
    shares = json.loads((folder / "histograms/cityscapes.json").read_text())
    assert sum(shares["val"].values()) == pytest.approx(1, abs=1e-4) and "test" not in shares
    assert json.loads((tmp_path / "r.json").read_text())["splits"]["train"]["good"] is True
    next(source.glob("leftImg8bit/val/*/*.png")).unlink()
    assert main(said) == 2
    said = capsys.readouterr()
    assert "missing: " in said.out and "val not complete or not right; see the list above" in said.err


def test_the_report_names_a_folder_in_any_encoding():
    assert text(os.fsdecode(b"/data/stra\xdfe"), {}) == r"/data/stra\udcdfe"


def test_a_long_list_is_cut_in_the_text_and_whole_in_the_json(tmp_path):
    long = SplitReport(100, missing=[f"file {i}" for i in range(50)])
    assert "missing: and 30 more (--json FILE lists all)" in text("x", {"train": long})
    write(tmp_path / "r.json", "x", {"train": long})
    assert len(json.loads((tmp_path / "r.json").read_text())["splits"]["train"]["missing"]) == 50


@pytest.fixture
def published(root):
    """A function from a dataset to the class shares that were published of its training images."""
    return lambda name: read_json(root / "params/histograms" / f"{name}.json")["train"]


def counted(reader, shares, shift):
    """The histogram and ignored pixels of a million pixels with these shares, ids on disk moved by `shift`."""
    table, found = classes.load(reader), np.zeros(256, np.int64)
    for raw, share in zip(table.raw_ids, shares.values(), strict=True):
        moved = int(raw) + shift
        found[table.train_ids[moved] if 0 <= moved < len(table.train_ids) else classes.IGNORE] += round(1e6 * share)
    return dict(zip(table.names, found.tolist(), strict=False))


@pytest.mark.parametrize("reader", ["cityscapes", "ade20k"])
@OFF_BY_ONE
def test_published_shares_tell_ids_that_are_off_by_one_but_in_range(reader, shift, word, published):
    shares = published(reader)
    (problem,) = check_coding.suspicions(classes.load(reader), counted(reader, shares, shift), shares, whole=False)
    assert f"only if every id is {word}: labels are coded off by one" in problem


@pytest.mark.parametrize("reader", ["cityscapes", "ade20k"])
def test_right_labels_are_not_suspected_however_few_there_are(reader, published):
    shares, rng = published(reader), np.random.default_rng(0)
    assert check_coding.suspicions(classes.load(reader), counted(reader, shares, 0), shares) == []
    for _ in range(200):  # an image or two shows some classes, in other shares
        few = {name: share * rng.exponential() * (rng.random() < 0.5) for name, share in shares.items()}
        assert check_coding.suspicions(classes.load(reader), counted(reader, few, 0), shares, whole=False) == []


def test_the_first_sound_copy_is_recorded_and_later_ones_are_compared(tree, params, tmp_path, capsys, monkeypatch):
    source, data = tree("cocostuff10k"), tmp_path / "data"
    folder = params("cocostuff10k", splits=SPLITS["cocostuff10k"])
    monkeypatch.setenv("ACNET_COCOSTUFF10K", str(source))
    said = ["--params-root", str(folder), "--data-root", str(data), "data"]
    for command in ("prepare", "check"):
        assert main([*said, command, "cocostuff10k"]) == 0
    assert not (data / "histograms").exists()  # too few images to be a record
    monkeypatch.setattr(check_module, "MANY", 3)
    assert main([*said, "prepare", "cocostuff10k"]) == 0
    assert list(json.loads((data / "histograms/cocostuff10k.json").read_text())) == ["train"]
    first = (data / "histograms/cocostuff10k.json").read_bytes()
    assert main([*said, "check", "cocostuff10k"]) == 0
    for path in source.glob("annotations/*.mat"):
        scipy.io.savemat(path, {"S": np.full_like(scipy.io.loadmat(path)["S"], 94)})
    shutil.rmtree(data / "cocostuff10k")
    for command in ("prepare", "check"):
        assert main([*said, command, "cocostuff10k"]) == 2
        output = "".join(capsys.readouterr())
        assert "class frequencies differ from the recorded ones" in output
        assert f"compared with {data / 'histograms/cocostuff10k.json'}" in output
    assert not (data / "cocostuff10k/manifest.json").exists()
    assert (data / "histograms/cocostuff10k.json").read_bytes() == first
    (data / "histograms/cocostuff10k.json").rename(tmp_path / "away.json")
    assert main([*said, "prepare", "cocostuff10k"]) == 0


@OFF_BY_ONE
def test_shifted_pascal_labels_are_recognised_by_vocs_own_lists(shift, word, voc):
    folder = voc("ours")
    for path in folder.glob("label60_png/*.png"):
        Image.fromarray(np.array(Image.open(path)) + np.uint8(shift % 256)).save(path)
    problems = found("pascal_context", folder)["train"].problems
    assert any(f"if every id is {word}: labels are coded off by one" in line for line in problems)
