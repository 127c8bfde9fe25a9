"""Cityscapes, fine annotations: leftImg8bit and gtFine with labelIds."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids
from acnet.data.pair import Files, Listing, Pair, check_split, folder
from acnet.files import visible

SPLITS = ("train", "val", "test")
UNLABELLED = ("test",)  # its gtFine is a dummy that shows the car's hood and the border only
_IMAGE, _LABEL = "_leftImg8bit", "_gtFine_labelIds"
_REMEDY = "extract leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one folder"


def listing(root: Path, split: str) -> Listing:
    """The images of a split in the order of city and frame, each with its labelIds (none for test)."""
    check_split("cityscapes", split, SPLITS)
    where = folder(root / "leftImg8bit" / split, _REMEDY)
    labelled = None if split in UNLABELLED else folder(root / "gtFine" / split, _REMEDY)
    pairs = []
    for city in sorted({path.name for base in (where, labelled) if base for path in visible(base)}):
        images = Files(where / city, ".png")
        labels = Files(labelled / city, ".png") if labelled else {}
        names = {
            stem.removesuffix(ending)
            for files, ending in ((images, _IMAGE), (labels, _LABEL))
            for stem in files
            if stem.endswith(ending)
        }
        pairs += [Pair(n, images[n + _IMAGE], labels[n + _LABEL] if labelled else None) for n in sorted(names)]
    return Listing(pairs, where, _REMEDY)


def read_label(pair: Pair) -> np.ndarray:
    """labelIds 0..33 as train ids uint8 (H, W); the 15 classes that are not evaluated become void."""
    remedy = "use the file *_gtFine_labelIds.png (not the colour, instance or trainIds one)"
    return classes.load("cityscapes").decode(read_ids(pair.label, remedy), pair.label, remedy)
