"""COCO-Stuff 10k v1.1: images, MATLAB annotations, lists of the splits."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_mat
from acnet.data.pair import Files, Listing, Pair, check_split, folder, read_list
from acnet.errors import AcnetError

SPLITS = ("train", "test")
UNLABELLED = ()
_REMEDY = "extract cocostuff-10k-v1.1.zip"
_164K = (
    "this is the coding of COCO-Stuff 164k (id - 1, 255 unlabelled); cocostuff-10k-v1.1.zip with .mat files is wanted"
)

_V1_0 = "its 172 names are those of COCO-Stuff 10k v1.0, whose ids are others; cocostuff-10k-v1.1.zip is wanted"


def listing(root: Path, split: str) -> Listing:
    """The images of imageLists/{split}.txt in its order."""
    check_split("cocostuff10k", split, SPLITS)
    _refuse_164k(root)
    images = Files(folder(root / "images", _REMEDY), ".jpg")
    labels = Files(folder(root / "annotations", _REMEDY), ".mat")
    listed = root / "imageLists" / f"{split}.txt"
    return Listing([Pair(n, images[n], labels[n]) for n in read_list(listed, _REMEDY)], listed, _REMEDY)


def _refuse_164k(root: Path) -> None:
    for pattern in ("annotations/*.png", "labels/*.png", "stuffthingmaps*", "*/*2017/*.png"):
        mark = next(root.glob(pattern), None)
        if mark:
            raise AcnetError(f"{mark}: {_164K}")


def read_label(pair: Pair) -> np.ndarray:
    """`S` in 0..182, any integer type, as train ids uint8 (H, W); 0 (unlabelled) becomes void.

    The eleven ids that the dataset leaves out, and 255, are refused: they mark the 164k coding. So is v1.0, whose
    `names` begin with "unlabeled" and leave these eleven out.
    """
    import scipy.io

    if pair.label.suffix.lower() != ".mat":
        raise AcnetError(f"{pair.label}: {_164K}")
    ids = read_mat(pair.label, "S")
    if any(name == "names" and 172 in shape for name, shape, _ in scipy.io.whosmat(pair.label)):
        raise AcnetError(f"{pair.label}: {_V1_0}")
    return classes.load("cocostuff10k").decode(ids, pair.label, _164K)
