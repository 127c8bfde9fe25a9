import numpy as np
import pytest
from PIL import Image

from acnet.cli import main
from acnet.data import classes
from acnet.data.show import show, stats
from acnet.data.store import Store
from acnet.errors import AcnetError


def test_an_image_is_drawn_with_and_without_labels(prepared, tmp_path):
    folder, table = prepared["cityscapes"], classes.load("cityscapes")
    show(folder, table, "train", 1, tmp_path / "a.png")
    show(folder, table, "test", 0, tmp_path / "b.png")
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.png") as b:
        assert a.width > b.width > 100
        # The road, which is 0, is drawn in its colour over the image.
        store = Store(folder, "train")
        row, column = np.argwhere(store.label(1) == 0)[0]
        expected = 0.4 * store.image(1)[row, column] + 0.6 * table.palette[0]
        assert (np.abs(np.asarray(a).astype(float) - expected).max(axis=2) < 2).any()
    with pytest.raises(AcnetError, match="split 'train' has images 0 to 4, not 5"):
        show(folder, table, "train", 5, tmp_path / "c.png")
    with pytest.raises(AcnetError, match=r"c\.txt: a picture is \.png, \.jpg, \.pdf"):
        show(folder, table, "train", 0, tmp_path / "c.txt")


def test_class_frequencies_are_drawn(prepared, tmp_path, root, capsys):
    pytest.importorskip("matplotlib", reason="it draws; pip install matplotlib")
    data, out = prepared["cityscapes"].parent, tmp_path / "a.png"
    options = ["--params-root", str(root / "params"), "--data-root", str(data)]
    assert main([*options, "data", "stats", "cityscapes", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out) and out.stat().st_size > 10_000
    with pytest.raises(AcnetError, match=r"manifest\.json: not found; prepare the dataset first"):
        stats(tmp_path, classes.load("cityscapes"), tmp_path / "b.png")
