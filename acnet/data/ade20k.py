"""ADE20K as in the scene parsing challenge (ADEChallengeData2016)."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids
from acnet.data.pair import Files, Listing, Pair, check_split, first_folder, folder
from acnet.errors import AcnetError

SPLITS = ("train", "val", "test")
UNLABELLED = ("test",)
_FOLDERS = {"train": "training", "val": "validation"}
_REMEDY = "extract ADEChallengeData2016.zip (and release_test.zip for the test images)"
_FULL = "this looks like the full ADE20K; the challenge's ADEChallengeData2016.zip with 150 classes is wanted"


def listing(root: Path, split: str) -> Listing:
    """The images of a split by number; `root` is ADEChallengeData2016 or the folder that holds it."""
    check_split("ade20k", split, SPLITS)
    if split == "test":
        candidates = [
            parent / "release_test" / "testing" for parent in (root, root / "ADEChallengeData2016", root.parent)
        ]
        images = first_folder(candidates, _REMEDY)
        return Listing(
            [Pair(name, path, None) for name, path in sorted(Files(images, ".jpg").items())], images, _REMEDY
        )
    base = root / "ADEChallengeData2016" if (root / "ADEChallengeData2016").is_dir() else root
    _refuse_full(base)
    where = folder(base / "images" / _FOLDERS[split], _REMEDY)
    images = Files(where, ".jpg")
    labels = Files(folder(base / "annotations" / _FOLDERS[split], _REMEDY), ".png")
    return Listing([Pair(n, images[n], labels[n]) for n in sorted({*images, *labels})], where, _REMEDY)


def _refuse_full(base: Path) -> None:
    for pattern in ("index_ade20k.*", "ADE20K_20*", "images/ADE", "images/*/*/*/*_seg.png"):
        mark = next(base.glob(pattern), None)
        if mark:
            raise AcnetError(f"{mark}: {_FULL}")


def read_label(pair: Pair) -> np.ndarray:
    """Annotations 0..150 as train ids uint8 (H, W); 0 (unlabelled) becomes void."""
    return classes.load("ade20k").decode(read_ids(pair.label, _FULL), pair.label, _FULL)
