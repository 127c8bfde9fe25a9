"""Cityscapes, fine annotations: leftImg8bit and gtFine with labelIds."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids
from acnet.data.pair import Listing, Pair, check_split, folder

SPLITS = ("train", "val", "test")
UNLABELLED = ("test",)  # its gtFine is a dummy that shows the car's hood and the border only
_IMAGE, _LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"
_REMEDY = "extract leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one folder"


def listing(root: Path, split: str) -> Listing:
    """The images of a split in the order of city and frame, each with its labelIds (none for test)."""
    check_split("cityscapes", split, SPLITS)
    images = folder(root / "leftImg8bit" / split, _REMEDY)
    found = {_key(path, _IMAGE) for path in images.glob(f"*/*{_IMAGE}")}
    labels = None
    if split not in UNLABELLED:
        labels = folder(root / "gtFine" / split, _REMEDY)
        found |= {_key(path, _LABEL) for path in labels.glob(f"*/*{_LABEL}")}
    return Listing([_pair(images, labels, city, name) for city, name in sorted(found)], images, _REMEDY)


def _key(path: Path, ending: str) -> tuple[str, str]:
    return path.parent.name, path.name.removesuffix(ending)


def _pair(images: Path, labels: Path | None, city: str, name: str) -> Pair:
    return Pair(name, images / city / f"{name}{_IMAGE}", labels and labels / city / f"{name}{_LABEL}")


def read_label(pair: Pair) -> np.ndarray:
    """labelIds 0..33 as train ids uint8 (H, W); the 15 classes that are not evaluated become void."""
    remedy = "use the file *_gtFine_labelIds.png (not the colour, instance or trainIds one)"
    return classes.load("cityscapes").decode(read_ids(pair.label, remedy), pair.label, remedy)
