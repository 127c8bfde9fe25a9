import numpy as np
import pytest
from PIL import Image

from acnet.cli import main
from acnet.data.generate import generate
from acnet.data.prepare import prepare
from acnet.errors import AcnetError
from acnet.inspect.show import overlay, show, stats
from acnet.params.datasets import Dataset, Generate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("show")
    splits = {"train": 2, "val": 1, "test": 1}
    made = Generate(seed=1, size=[40, 56])
    dataset = Dataset(
        title="Streets",
        reader="cityscapes",
        classes=19,
        splits=splits,
        train="train",
        evaluate="val",
        folders=[],
        generate=made,
    )
    generate("cityscapes", base / "raw", 1, splits, (40, 56))
    prepare("mini_cityscapes", dataset, base / "raw", base / "mini_cityscapes")
    return base / "mini_cityscapes"


def test_labels_are_laid_over_the_image_in_their_colours():
    image = np.full((1, 3, 3), 100, np.uint8)
    mixed = overlay(image, np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0], [200, 100, 0]], np.uint8))
    assert mixed.tolist() == [[[40, 40, 40], [160, 100, 40], [40, 40, 40]]]


def test_an_image_is_drawn_with_and_without_labels(folder, tmp_path):
    pytest.importorskip("matplotlib", reason="it draws; pip install matplotlib")
    show(folder, "train", 1, tmp_path / "a.png")
    show(folder, "test", 0, tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.png") as b:
        assert a.width > b.width > 100
    with pytest.raises(AcnetError, match="split 'train' has images 0 to 1, not 2"):
        show(folder, "train", 2, tmp_path / "c.png")
    with pytest.raises(AcnetError, match=r"c\.txt: a picture is \.png"):
        show(folder, "train", 0, tmp_path / "c.txt")


def test_class_frequencies_are_drawn(folder, tmp_path, root, capsys):
    pytest.importorskip("matplotlib", reason="it draws; pip install matplotlib")
    said = [
        "--params-root",
        str(root / "params"),
        "--data-root",
        str(folder.parent),
        "data",
        "stats",
        "mini_cityscapes",
    ]
    assert main(said) == 0
    out = folder.parent / "shown/mini_cityscapes_classes.png"
    assert capsys.readouterr().out.strip() == str(out) and out.stat().st_size > 10_000
    with pytest.raises(AcnetError, match=r"manifest\.json: not there; prepare the dataset first"):
        stats(tmp_path, tmp_path / "a.png")
