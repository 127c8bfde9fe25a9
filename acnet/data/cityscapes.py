"""Cityscapes, fine annotations: leftImg8bit and gtFine with labelIds."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids
from acnet.data.pair import Pair, check_split, complete, folder

SPLITS = ("train", "val", "test")
UNLABELLED = ("test",)  # its gtFine is a dummy that shows the car's hood and the border only
_REMEDY = "extract leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one folder"


def pairs(root: Path, split: str) -> list[Pair]:
    """The images of a split in the order of city and frame, each with its labelIds (none for test)."""
    check_split("cityscapes", split, SPLITS)
    images = folder(root / "leftImg8bit" / split, _REMEDY)
    if split not in UNLABELLED:
        folder(root / "gtFine" / split, _REMEDY)
    return complete((_pair(root, split, path) for path in sorted(images.glob("*/*_leftImg8bit.png"))), images, _REMEDY)


def _pair(root: Path, split: str, image: Path) -> Pair:
    name = image.name.removesuffix("_leftImg8bit.png")
    label = root / "gtFine" / split / image.parent.name / f"{name}_gtFine_labelIds.png"
    return Pair(name, image, None if split in UNLABELLED else label)


def read_label(pair: Pair) -> np.ndarray:
    """labelIds 0..33 as train ids uint8 (H, W); the 15 classes that are not evaluated become void."""
    remedy = "use the file *_gtFine_labelIds.png (not the colour, instance or trainIds one)"
    return classes.load("cityscapes").decode(read_ids(pair.label, remedy), pair.label, remedy)
