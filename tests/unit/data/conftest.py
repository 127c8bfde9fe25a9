"""Small generated datasets that the data tests share."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from acnet.data import classes
from acnet.data.generate import generate
from acnet.data.prepare import prepare

SEED = 3
SPLITS = {
    "cityscapes": {"train": 5, "val": 2, "test": 2},
    "ade20k": {"train": 5, "val": 2, "test": 2},
    "pascal_context": {"train": 5, "val": 2},
    "cocostuff10k": {"train": 5, "test": 2},
}
SIZES = {"cityscapes": (32, 64), "ade20k": (40, 48), "pascal_context": (40, 48), "cocostuff10k": (40, 48)}


def make_dataset(reader: str, **changes) -> SimpleNamespace:
    values = {
        "title": f"Mini {reader}",
        "reader": reader,
        "classes": len(classes.load(reader).names),
        "class_colours": None,
        "splits": SPLITS.get(reader, {}),
        "folders": [],
        "environment": None,
        "get": "unzip it there",
        "generate": SimpleNamespace(seed=SEED),
    }
    return SimpleNamespace(**{**values, **changes})


@pytest.fixture(scope="session")
def trees(tmp_path_factory) -> dict[str, Path]:
    """One generated tree per reader; not to be changed."""
    base = tmp_path_factory.mktemp("trees")
    for reader, images in SPLITS.items():
        generate(reader, base / reader, SEED, images, SIZES[reader])
    return {reader: base / reader for reader in SPLITS}


@pytest.fixture(scope="session")
def prepared(trees, tmp_path_factory) -> dict[str, Path]:
    """The stores made from `trees`; not to be changed."""
    base = tmp_path_factory.mktemp("prepared")
    for reader, tree in trees.items():
        prepare(f"mini_{reader}", make_dataset(reader), tree, base / reader)
    return {reader: base / reader for reader in trees}


@pytest.fixture
def tree(trees, tmp_path):
    """A function from a reader to its own copy of the generated tree, free to be damaged."""

    def copy(reader: str) -> Path:
        return Path(shutil.copytree(trees[reader], tmp_path / reader))

    return copy


@pytest.fixture
def dataset():
    """A function from a reader to the parameters of its generated dataset, with changes."""
    return make_dataset
