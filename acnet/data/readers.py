"""From a reader's name to its pairs and arrays."""

import contextlib
from pathlib import Path
from types import ModuleType

import numpy as np

from acnet.data import ade20k, camvid, cityscapes, cocostuff10k, pascal_context, pascal_context60
from acnet.data.images import as_shown, read_stored
from acnet.data.pair import Listing, Pair
from acnet.errors import AcnetError
from acnet.params.strict import nearest

_MODULES = {
    "cityscapes": cityscapes,
    "ade20k": ade20k,
    "pascal_context": pascal_context,
    "pascal_context60": pascal_context60,
    "cocostuff10k": cocostuff10k,
    "camvid": camvid,
}


def _module(reader: str) -> ModuleType:
    if reader not in _MODULES:
        raise AcnetError(f"{reader}: unknown reader{nearest(reader, _MODULES)}")
    return _MODULES[reader]


def listing(reader: str, root: Path, split: str) -> Listing:
    """The images and labels that a split should have; AcnetError if its folder or list is missing."""
    root = Path(root)
    if not root.is_dir():
        raise AcnetError(f"{root}: dataset folder is missing; name the folder that holds {reader}")
    return _module(reader).listing(root, split)


def pairs(reader: str, root: Path, split: str) -> list[Pair]:
    """The images and labels of a split in their official order; AcnetError if anything is missing."""
    return listing(reader, root, split).complete()


def images(root: Path) -> list[Path]:
    """The images of every split that `root` holds in a dataset's official layout; none for any other folder."""
    found: set[Path] = set()
    for module in _MODULES.values():
        for split in module.SPLITS:
            with contextlib.suppress(AcnetError):
                found |= {pair.image for pair in module.listing(root, split).pairs}
    # ADE20K's test images may lie beside the folder.
    return sorted(image for image in found if image.is_relative_to(root) and image.is_file())


def labelled(reader: str, split: str) -> bool:
    """Whether a split's labels are public."""
    return split not in _module(reader).UNLABELLED


def load_pair(reader: str, pair: Pair) -> tuple[np.ndarray, np.ndarray | None]:
    """Image RGB uint8 (H, W, 3) and label uint8 (H, W) of train ids with 255 void, or None without a label.

    Both are as shown: turned by the image's EXIF orientation. A label is taken as drawn on the pixels as stored, as the
    datasets' own tools and Pillow read them, unless only the image as shown has its size.
    Raises AcnetError naming the file if it cannot be read, holds an id out of range, or the sizes differ.
    """
    pixels, orientation = read_stored(pair.image)
    image = as_shown(pixels, orientation)
    if pair.label is None:
        return image, None
    label = _module(reader).read_label(pair)
    if label.shape == pixels.shape[:2]:
        label = as_shown(label, orientation)
    if label.shape != image.shape[:2]:
        h, w = label.shape
        raise AcnetError(
            f"{pair.label}: label of {pair.name} is {w}x{h}, its image {image.shape[1]}x{image.shape[0]}; "
            f"copy both from the dataset again"
        )
    return image, label
