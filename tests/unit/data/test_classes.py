import numpy as np
import pytest

from acnet.data import classes
from acnet.errors import AcnetError


@pytest.mark.parametrize(
    ("reader", "count"),
    [("cityscapes", 19), ("ade20k", 150), ("pascal_context", 59), ("cocostuff10k", 171), ("camvid", 11)],
)
def test_every_table_is_complete(reader, count):
    table = classes.load(reader)
    assert len(table.names) == len(set(table.names)) == len(table.raw_ids) == count
    assert table.palette.shape == (count, 3)
    assert (table.train_ids[table.raw_ids] == np.arange(count)).all()


def test_known_classes_stand_where_they_should():
    def train_id(reader, name):
        return classes.load(reader).names.index(name)

    assert classes.load("cityscapes").raw_ids[train_id("cityscapes", "bicycle")] == 33
    assert classes.load("ade20k").raw_ids[train_id("ade20k", "wall")] == 1
    assert classes.load("pascal_context").raw_ids[train_id("pascal_context", "wood")] == 458
    assert classes.load("cocostuff10k").raw_ids[train_id("cocostuff10k", "stop sign")] == 13
    assert train_id("camvid", "SignSymbol") == 6


@pytest.mark.parametrize("reader", ["cityscapes", "ade20k", "pascal_context", "cocostuff10k", "camvid"])
def test_encoding_inverts_decoding(reader):
    table = classes.load(reader)
    label = np.append(np.arange(len(table.names)), 255).astype(np.uint8)[None]
    ignored = int(np.flatnonzero(table.train_ids == 255)[0])
    assert (table.decode(table.encode(label, ignored), "x") == label).all()


@pytest.mark.parametrize("bad", [34, 255, -1])
def test_an_id_out_of_range_is_named(bad):
    with pytest.raises(AcnetError, match=rf"^here\.png: label id {bad} is out of range for cityscapes; "):
        classes.load("cityscapes").decode(np.array([[7, bad]], np.int16), "here.png")
