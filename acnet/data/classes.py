"""The class tables: names, colours, and the coding of labels on disk."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from acnet.errors import AcnetError
from acnet.files import read_json

IGNORE = 255  # the train id of pixels that count nowhere
_ILLEGAL = 254  # no dataset has that many classes
_FOLDER = Path(__file__).parent / "classes"


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of one dataset, in the order of their train ids.

    `palette` (K, 3) uint8; `raw_ids` (K,) the id on disk of each class; `train_ids` (R,) uint8 from an id on
    disk to the train id, IGNORE where it is not evaluated.
    """

    reader: str
    names: tuple[str, ...]
    palette: np.ndarray
    raw_ids: np.ndarray
    train_ids: np.ndarray

    def decode(self, raw: np.ndarray, source: object, remedy: str = "is this the right dataset?") -> np.ndarray:
        """Ids on disk (H, W), any integer type, to train ids uint8 (H, W); AcnetError naming an id out of range."""
        known = len(self.train_ids)
        table = np.full(max(256, known) + 1, _ILLEGAL, np.uint8)  # the last entry is for all ids beyond its end
        table[:known] = self.train_ids
        if raw.dtype == np.uint8:  # five times as fast as an index for each pixel
            label = np.frombuffer(raw.tobytes().translate(table[:256].tobytes()), np.uint8).reshape(raw.shape)
        else:
            label = table[np.clip(raw.astype(np.int64), -1, len(table) - 1)]
        illegal = label == _ILLEGAL
        if illegal.any():
            raise AcnetError(f"{source}: label id {raw[illegal].min()} is out of range for {self.reader}; {remedy}")
        return label

    def encode(self, label: np.ndarray, ignore: int) -> np.ndarray:
        """Train ids uint8 (H, W) to ids on disk int32 (H, W), IGNORE becoming `ignore`."""
        table = np.full(256, ignore, np.int32)
        table[: len(self.raw_ids)] = self.raw_ids
        return table[label]


@functools.cache
def load(reader: str) -> Classes:
    """The class table of a reader; AcnetError for an unknown name."""
    table = read_json(_FOLDER / f"{reader}.json")
    train_ids = np.full(max(table["raw_ids"] + table["ignored_ids"]) + 1, _ILLEGAL, np.uint8)
    train_ids[table["ignored_ids"]] = IGNORE
    train_ids[table["raw_ids"]] = np.arange(len(table["names"]))
    palette = np.array(table["palette"], np.uint8)
    raw_ids = np.array(table["raw_ids"], np.int32)
    for array in (palette, raw_ids, train_ids):
        array.setflags(write=False)
    return Classes(reader, tuple(table["names"]), palette, raw_ids, train_ids)


def class_table(described: Any) -> Classes:
    """The class table of a Dataset or a Run: its own `class_colours`, whose ids are train ids, or its reader's."""
    colours = described.class_colours
    if not colours:
        return load(described.reader)
    train_ids = np.full(IGNORE + 1, _ILLEGAL, np.uint8)
    train_ids[IGNORE] = IGNORE
    train_ids[: len(colours)] = raw_ids = np.arange(len(colours))
    return Classes(described.reader, tuple(colours), np.array([*colours.values()], np.uint8), raw_ids, train_ids)
