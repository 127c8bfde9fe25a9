"""PASCAL Context on VOC2010 images, 59 classes; its labels come in three forms.

The JSON of PASCAL in Detail (`trainval_merged*.json`, else the first that begins like it, such as
`trainval_withkeypoints.json`: RLE masks with 459-class ids), a folder of MATLAB files
(`LabelMap`, 459-class ids), or a folder of PNG files (0 = background, then the 59 classes in ascending order
of their 459-class ids). The first that is there, in this order, is read.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids, read_mat
from acnet.data.pair import Files, Listing, Pair, folder, read_list
from acnet.errors import AcnetError
from acnet.files import read_json, visible

_REMEDY = (
    "extract VOCtrainval_03-May-2010.tar, and put trainval_merged.json, label459_mat/ (trainval.tar.gz), "
    "or label60_png/ beside VOC2010"
)
_MAT_FOLDERS = ("label459_mat", "trainval")
_PNG_FOLDERS = ("label60_png", "SegmentationClassContext", "VOC2010/SegmentationClassContext")


@dataclasses.dataclass(frozen=True)
class Masks:
    """The masks of one image in the JSON: (459-class id, COCO RLE) of each, later ones above earlier ones."""

    file: Path
    masks: tuple[tuple[int, Any], ...] = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return str(self.file)


def listing(root: Path, split: str) -> Listing:
    """The images of a split: by the JSON's `phase`, else by the list of VOC2010/ImageSets."""
    base = root / "VOCdevkit" if (root / "VOCdevkit" / "VOC2010").is_dir() else root
    voc = folder(base / "VOC2010", _REMEDY)
    images = Files(folder(voc / "JPEGImages", _REMEDY), ".jpg")
    jsons = [p for place in (root, base, voc) for p in visible(place) if p.suffix.lower() == ".json"]
    merged = [path for path in jsons if path.name.startswith("trainval_merged")]
    for file in merged or filter(_is_detail, jsons):
        chosen = [(_name(i), masks) for i, phase, masks in _annotated(file, file.stat().st_mtime_ns) if phase == split]
        return Listing([Pair(name, images[name], Masks(file, masks)) for name, masks in chosen], file, _REMEDY)
    for names, suffix in ((_MAT_FOLDERS, ".mat"), (_PNG_FOLDERS, ".png")):
        for where in (place / name for place in (root, base) for name in names if (place / name).is_dir()):
            lists = [voc / "ImageSets" / kind / f"{split}.txt" for kind in ("SegmentationContext", "Main")]
            listed, labels = lists[not lists[0].exists()], Files(where, suffix)
            return Listing([Pair(n, images[n], labels[n]) for n in read_list(listed, _REMEDY)], listed, _REMEDY)
    raise AcnetError(f"{root}: no labels of PASCAL Context; {_REMEDY}")


def _is_detail(path: Path) -> bool:
    """Whether a JSON of any name begins like that of PASCAL in Detail."""
    with open(path, "rb") as handle:
        head = handle.read(1 << 20)
    return b'"phase"' in head or b'"annos_' in head


@functools.lru_cache(maxsize=1)  # for the next split; JSON of 373 MB takes 1.2 GB of memory, for a moment
def _annotated(path: Path, _changed: int) -> list[tuple[int, str, tuple]]:
    """(image id, phase, masks) of each image of the JSON that has masks: the others were never annotated."""
    content = read_json(path)
    masks: dict[int, list[tuple[int, Any]]] = {}
    try:
        for entry in content["annos_segmentation"]:
            masks.setdefault(entry["image_id"], []).append((entry["category_id"], entry["segmentation"]))
        images = {image["image_id"]: image["phase"] for image in content["images"]}
    except (KeyError, TypeError) as error:
        raise AcnetError(f"{path}: not the JSON of PASCAL in Detail ({error} is missing); {_REMEDY}") from error
    return [(i, phase, tuple(masks[i])) for i, phase in images.items() if i in masks]


def _name(image_id: int) -> str:
    """2008000002 -> 2008_000002."""
    return f"{image_id // 1_000_000:04d}_{image_id % 1_000_000:06d}"


def read_label(pair: Pair) -> np.ndarray:
    """The label as train ids uint8 (H, W), ignored outside the 59 classes; where masks overlap the last one counts."""
    table = classes.load("pascal_context")
    if isinstance(pair.label, Masks):
        return table.decode(_paint(pair.label, pair.name), f"{pair.label}: {pair.name}")
    if pair.label.suffix.lower() == ".mat":
        return table.decode(read_mat(pair.label, "LabelMap"), pair.label)
    ids = read_ids(pair.label, "PNG labels with 0 = background and 1..59 are wanted")
    if ids.max() > len(table.names):
        raise AcnetError(f"{pair.label}: label id {ids.max()} is out of range; 0 = background and 1..59 are wanted")
    return ids.astype(np.uint8) - np.uint8(1)  # background 0 wraps to 255, which is ignored


def _paint(label: Masks, name: str) -> np.ndarray:
    from pycocotools import mask as rle

    painted = None
    for category, segmentation in label.masks:
        try:
            if isinstance(segmentation["counts"], list):
                segmentation = rle.frPyObjects(segmentation, *segmentation["size"])
            covered = rle.decode(segmentation).astype(bool)
        except (KeyError, TypeError, ValueError) as error:
            raise AcnetError(f"{label.file}: {name}: a mask is not COCO RLE ({error}); {_REMEDY}") from error
        if painted is None:
            painted = np.zeros(covered.shape, np.int32)
        if covered.shape != painted.shape:
            raise AcnetError(f"{label.file}: {name}: masks of different sizes; copy the JSON again")
        painted[covered] = category
    return painted
