import numpy as np
import pytest
from PIL import Image

from acnet.cli import main
from acnet.data import classes
from acnet.data.show import overlay, show, stats
from acnet.errors import AcnetError


def test_labels_are_laid_over_the_image_in_their_colours():
    image = np.full((1, 3, 3), 100, np.uint8)
    mixed = overlay(image, np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0], [200, 100, 0]], np.uint8))
    assert mixed.tolist() == [[[40, 40, 40], [160, 100, 40], [40, 40, 40]]]


def test_an_image_is_drawn_with_and_without_labels(prepared, tmp_path):
    pytest.importorskip("matplotlib", reason="it draws; pip install matplotlib")
    folder, table = prepared["cityscapes"], classes.load("cityscapes")
    show(folder, table, "train", 1, tmp_path / "a.png")
    show(folder, table, "test", 0, tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.png") as b:
        assert a.width > b.width > 100
    with pytest.raises(AcnetError, match="split 'train' has images 0 to 4, not 5"):
        show(folder, table, "train", 5, tmp_path / "c.png")
    with pytest.raises(AcnetError, match=r"c\.txt: a picture is \.png"):
        show(folder, table, "train", 0, tmp_path / "c.txt")


def test_class_frequencies_are_drawn(prepared, tmp_path, root, capsys):
    pytest.importorskip("matplotlib", reason="it draws; pip install matplotlib")
    data, out = prepared["cityscapes"].parent, tmp_path / "a.png"
    options = ["--params-root", str(root / "params"), "--data-root", str(data)]
    assert main([*options, "data", "stats", "cityscapes", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out) and out.stat().st_size > 10_000
    with pytest.raises(AcnetError, match=r"manifest\.json: not found; prepare the dataset first"):
        stats(tmp_path, tmp_path / "b.png")
