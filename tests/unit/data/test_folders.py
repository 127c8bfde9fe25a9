"""The reader of plain folders, whose classes are named in datasets.yaml."""

import numpy as np
import pytest
from PIL import Image

from acnet.data import classes, readers
from acnet.data.check import check
from acnet.data.prepare import prepare
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.params.datasets import Dataset

LABEL = np.array([[0, 1, 2, 255], [2, 2, 1, 0]], np.uint8)
COLOURS = {"sky": [0, 0, 255], "road": [9, 9, 9], "tree": [0, 255, 0]}


@pytest.fixture
def root(tmp_path):
    """Two images of train as JPEG and PNG, and one of val."""
    for name in ("train/a.jpg", "train/b.PNG", "val/c.png"):
        for folder, content in (("images", np.stack([LABEL] * 3, -1)), ("labels", LABEL)):
            path = tmp_path / folder / (name if folder == "images" else f"{name[:-4]}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path)
    return tmp_path


def described(**changes):
    values = {
        "title": "Mine", "reader": "folders", "classes": 3, "class_colours": COLOURS, "splits": {"train": 2, "val": 1},
        "train": "train", "evaluate": "val", "folders": ["nowhere"],
    }  # fmt: skip
    return Dataset(**values | changes)


def test_labels_are_train_ids_and_classes_have_the_names_of_the_entry(root, tmp_path):
    manifest = prepare("mine", described(), root, tmp_path / "store")
    assert Store(tmp_path / "store", "train").names == ["a", "b"]
    assert (Store(tmp_path / "store", "val").label(0) == LABEL).all()
    assert manifest["classes"] == ["sky", "road", "tree"]
    assert manifest["splits"]["train"]["histogram"] == {"sky": 4, "road": 4, "tree": 6}
    assert manifest["splits"]["train"]["ignored"] == 2
    assert classes.class_table(described()).palette[2].tolist() == [0, 255, 0]


def test_a_class_that_the_entry_lacks_is_refused_with_its_file(root, tmp_path):
    two = described(classes=2, class_colours={name: COLOURS[name] for name in ("sky", "road")})
    said = "labels/train/a.png: label id 2 is out of range for 2 classes, 0 to 1"
    with pytest.raises(AcnetError, match=said):
        prepare("mine", two, root, tmp_path / "store")
    assert said in check("mine", two, root, 1)["train"].problems[0]
    with pytest.raises(AcnetError, match=r"class_colours: 3 names for 2 classes"):
        described(classes=2).validate("datasets.yaml: mine")


def test_ids_of_16_bits_are_read_up_to_255(root):
    pair = readers.pairs("folders", root, "val")[0]
    Image.fromarray(LABEL.astype(np.uint16)).save(pair.label)
    assert (readers.load_pair("folders", pair)[1] == LABEL).all()
    Image.fromarray(LABEL.astype(np.uint16) + 300).save(pair.label)
    with pytest.raises(AcnetError, match=r"c\.png: has ids from 300 to 555; a label holds the class of each pixel"):
        readers.load_pair("folders", pair)


def test_lists_split_folders_that_are_not_split(root):
    for folder in ("images", "labels"):
        for path in list((root / folder).glob("*/*")):
            path.rename(root / folder / path.name)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    (root / "train.txt").write_text("c\na.jpg\n")
    (root / "val.txt").write_text("b\n")
    assert [pair.name for pair in readers.pairs("folders", root, "train")] == ["c", "a"]
    assert [pair.image.name for pair in readers.pairs("folders", root, "val")] == ["b.PNG"]
    with pytest.raises(AcnetError, match=r"images/test: folder is missing; put images into images/test"):
        readers.pairs("folders", root, "test")
