"""PASCAL Context on VOC2010 images, 59 classes; its labels come in three forms.

The JSON of PASCAL in Detail (`trainval_merged*.json`, else the first that begins like it, such as
`trainval_withkeypoints.json`: RLE masks with 459-class ids), a folder of MATLAB files
(`LabelMap`, 459-class ids), or a folder of PNG files (0 = background, then the 59 classes in ascending order
of their 459-class ids). The first that is there, in this order, is read.
"""

import dataclasses
import functools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.images import read_ids, read_mat
from acnet.data.json_stream import elements
from acnet.data.pair import Files, Listing, Pair, check_split, first_folder, read_list
from acnet.errors import AcnetError
from acnet.files import visible

SPLITS = ("train", "val")
UNLABELLED = ()
_REMEDY = (
    "extract VOCtrainval_03-May-2010.tar, and put trainval_merged.json, label459_mat/ (trainval.tar.gz), "
    "or label60_png/ beside VOC2010"
)
_MAT_FOLDERS = ("label459_mat", "trainval")
_PNG_FOLDERS = ("label60_png", "SegmentationClassContext", "VOC2010/SegmentationClassContext")


@dataclasses.dataclass(frozen=True)
class Masks:
    """The masks of one image in the JSON: where each stands, (first byte, bytes), in the order of the file."""

    file: Path
    layers: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return str(self.file)


def listing(root: Path, split: str) -> Listing:
    """The images of a split: by the JSON's `phase`, else by the list of VOC2010/ImageSets."""
    check_split("pascal_context", split, SPLITS)
    base = root / "VOCdevkit" if (root / "VOCdevkit" / "VOC2010").is_dir() else root
    voc = first_folder([base / "VOC2010"], _REMEDY)
    images = Files(first_folder([voc / "JPEGImages"], _REMEDY), ".jpg")
    jsons = [p for place in (root, base, voc) for p in visible(place) if p.suffix.lower() == ".json"]
    merged = [path for path in jsons if path.name.startswith("trainval_merged")]
    described = next(iter(merged or filter(_of_detail, jsons)), None)
    if described:
        return Listing(_from_json(described, images, split), described, _REMEDY)
    for names, suffix in ((_MAT_FOLDERS, ".mat"), (_PNG_FOLDERS, ".png")):
        where = next((p / n for p in (root, base) for n in names if (p / n).is_dir()), None)
        if where:
            listed, labels = _list(voc, split), Files(where, suffix)
            return Listing([Pair(n, images[n], labels[n]) for n in read_list(listed, _REMEDY)], listed, _REMEDY)
    raise AcnetError(f"{root}: no labels of PASCAL Context; {_REMEDY}")


def _of_detail(path: Path) -> bool:
    """Whether a JSON of any name begins like that of PASCAL in Detail."""
    with open(path, "rb") as handle:
        head = handle.read(1 << 20)
    return b'"phase"' in head or b'"annos_' in head


def _list(voc: Path, split: str) -> Path:
    own = voc / "ImageSets" / "SegmentationContext" / f"{split}.txt"
    return own if own.exists() else voc / "ImageSets" / "Main" / f"{split}.txt"


def _from_json(path: Path, images: Files, split: str) -> list[Pair]:
    facts = path.stat()
    phases, layers = _index(path, facts.st_mtime_ns, facts.st_size)
    chosen = [i for i, phase in phases.items() if phase == split]
    # An image of the JSON without a single mask was never annotated: it is no part of PASCAL Context.
    return [Pair(_name(i), images[_name(i)], Masks(path, tuple(layers[i]))) for i in chosen if i in layers]


@functools.lru_cache(maxsize=2)
def _index(path: Path, _changed: int, _size: int) -> tuple[dict[int, str], dict[int, list[tuple[int, int]]]]:
    """(phase of each image id, places of its masks). The file is too large to hold: its masks stay where they are."""
    phases: dict[int, str] = {}
    layers: dict[int, list[tuple[int, int]]] = {}
    try:
        for key, first, count, value in elements(path):
            if key == "images":
                phases[value["image_id"]] = value["phase"]
            elif key == "annos_segmentation":
                _ = value["category_id"], value["segmentation"]
                layers.setdefault(value["image_id"], []).append((first, count))
    except (KeyError, TypeError) as error:
        raise AcnetError(f"{path}: not the JSON of PASCAL in Detail ({error} is missing); {_REMEDY}") from error
    return phases, layers


def _name(image_id: int) -> str:
    """2008000002 -> 2008_000002."""
    return f"{image_id // 1_000_000:04d}_{image_id % 1_000_000:06d}"


def read_label(pair: Pair) -> np.ndarray:
    """The label as train ids uint8 (H, W), void outside the 59 classes; of two masks the later one wins."""
    table = classes.load("pascal_context")
    if isinstance(pair.label, Masks):
        return table.decode(_paint(pair.label, pair.name), f"{pair.label}: {pair.name}")
    if pair.label.suffix.lower() == ".mat":
        return table.decode(read_mat(pair.label, "LabelMap"), pair.label)
    ids = read_ids(pair.label, "PNG labels with 0 = background and 1..59 are wanted")
    if ids.max() > len(table.names):
        raise AcnetError(f"{pair.label}: label id {ids.max()} is out of range; 0 = background and 1..59 are wanted")
    return (ids.astype(np.uint8) - np.uint8(1)).astype(np.uint8)  # background 0 wraps to 255, which is void


def _read(masks: Masks) -> Iterator[tuple[int, dict]]:
    """(459-class id, COCO RLE) of each mask."""
    with open(masks.file, "rb") as handle:
        for first, count in masks.layers:
            handle.seek(first)
            try:
                entry = json.loads(handle.read(count))
                yield entry["category_id"], entry["segmentation"]
            except (ValueError, KeyError) as error:
                raise AcnetError(f"{masks.file}: changed while it was read; run the same command again") from error


def _paint(masks: Masks, name: str) -> np.ndarray:
    from pycocotools import mask as rle

    label = None
    for category, segmentation in _read(masks):
        try:
            if isinstance(segmentation["counts"], list):
                segmentation = rle.frPyObjects(segmentation, *segmentation["size"])
            covered = rle.decode(segmentation).astype(bool)
        except (KeyError, TypeError, ValueError) as error:
            raise AcnetError(f"{masks.file}: {name}: a mask is not COCO RLE ({error}); {_REMEDY}") from error
        if label is None:
            label = np.zeros(covered.shape, np.int32)
        if covered.shape != label.shape:
            raise AcnetError(f"{masks.file}: {name}: masks of different sizes; copy the JSON again")
        label[covered] = category
    return label
