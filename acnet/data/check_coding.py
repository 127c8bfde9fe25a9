"""Detect labels in another coding than the official one by the classes that they show."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.pair import read_lines

# Distances of class frequencies: splits of one dataset stay within _FAR. A shift of the ids is reported if it brings
# the frequencies within _NEAR of the recorded ones, and to less than half of their distance without it.
_FAR, _NEAR, _SAME = 0.25, 0.12, 0.05
_SHIFTS = {"one too high": 1, "one too low": -1}
# fmt: off
_VOC = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
]
# fmt: on


def suspicions(
    table: classes.Classes, histogram: Mapping[str, int], recorded: Mapping[str, float] | None, whole: bool = True
) -> list[str]:
    """What is wrong with a split whose classes have these pixel counts, by the `recorded` shares of a right copy.

    Unless the split is `whole`, and the shares are its own, they may differ; only a shift is looked for.
    """
    counts = np.array(list(histogram.values()), np.float64)
    if not counts.sum():
        dummies = "no evaluated class in any label: these are the dummy labels of Cityscapes' test split"
        return [dummies if table.reader == "cityscapes" else "no class in any label: every pixel is ignored"]
    if recorded is None:
        return []
    right = np.array([recorded[name] for name in histogram])
    distance = _distance(counts, right)
    for what, shift in _SHIFTS.items():
        nearest = min(_distance(counts, moved) for moved in _moved(table, right, shift))
        if distance > _SAME and nearest < min(_NEAR, distance / 2):
            return [f"class frequencies fit the recorded ones only if every id is {what}: labels are coded off by one"]
    if distance > _FAR and whole:
        difference = f"class frequencies differ from the recorded ones (by {distance:.2f})"
        return [f"{difference}: another dataset, split or coding"]
    return []


def _moved(table: classes.Classes, shares: np.ndarray, shift: int) -> list[np.ndarray]:
    """The shares (K,) that would be found if every id on disk, or every train id, were larger by `shift`."""
    by_raw, by_train = np.zeros_like(shares), np.zeros_like(shares)
    for train_id, (raw_id, share) in enumerate(zip(table.raw_ids, shares, strict=True)):
        moved = raw_id + shift
        read_as = table.train_ids[moved] if 0 <= moved < len(table.train_ids) else classes.IGNORE
        if read_as < len(shares):
            by_raw[read_as] += share
        if 0 <= train_id + shift < len(shares):
            by_train[train_id + shift] += share
    return [by_raw, by_train]


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Total variation distance of two distributions, each scaled to sum 1: 0 equal, 1 disjoint."""
    return float(np.abs(a / max(a.sum(), 1e-9) - b / max(b.sum(), 1e-9)).sum() / 2)


class VocOrder:
    """Whether PASCAL Context's labels show the objects that VOC's lists (ImageSets/Main/{class}_{split}.txt) name.

    The FCN project's 59 labels put VOC's 20 classes first; ours are in ascending order of the 459 ids. Listed objects
    that show only under the FCN order tell which one it is. Of another dataset nothing is counted.
    """

    def __init__(self, reader: str, source: Path, split: str):
        self._listed: dict[str, list[str]] = {}  # VOC's classes by image
        self._offset = 1 if reader == "pascal_context60" else 0
        self._names = classes.load("pascal_context").names
        self._objects = self._ours = self._fcn = 0
        self._shifted = dict.fromkeys(_SHIFTS, 0)
        for base in (source / "VOC2010", source / "VOCdevkit" / "VOC2010") if reader.startswith("pascal") else ():
            for voc in _VOC:
                path = base / "ImageSets" / "Main" / f"{voc}_{split}.txt"
                for line in read_lines(path, "") if path.exists() else ():
                    name, _, present = line.partition(" ")
                    if present.strip() == "1":
                        self._listed.setdefault(name, []).append(voc)

    def add(self, name: str, counts: np.ndarray) -> None:
        """Count one image's label values (256,)."""
        for voc in self._listed.get(name, ()):
            ours = self._offset + self._names.index("table" if voc == "diningtable" else voc)
            self._objects += 1
            self._ours += bool(counts[ours])
            self._fcn += bool(counts[self._offset + _VOC.index(voc)])
            for what, shift in _SHIFTS.items():
                self._shifted[what] += bool(counts[ours + shift])  # -1 is 255, ignore

    def suspicions(self) -> list[str]:
        """What is wrong with the order of the classes."""
        if self._objects < 5 or self._ours >= 0.5 * self._objects:
            return []
        text = f"labels show {self._ours} of {self._objects} objects that VOC's lists name"
        if self._fcn > 0.5 * self._objects:
            return [f"{text}, in the order of FCN's 59_labels.txt {self._fcn}: that order is refused, use the 459 ids'"]
        what = max(self._shifted, key=self._shifted.get)
        if self._shifted[what] > 0.5 * self._objects:
            return [f"{text}, but {self._shifted[what]} if every id is {what}: labels are coded off by one"]
        return [f"{text}: another order of classes, or labels of other images"]
