"""The class tables: names, colours, and the coding of labels on disk."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from acnet.errors import AcnetError
from acnet.files import read_json
from acnet.params.strict import nearest

VOID = 255
_ILLEGAL = 254  # no dataset has that many classes
_FOLDER = Path(__file__).parent / "classes"


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of one dataset, in the order of their train ids.

    `palette` (K, 3) uint8; `raw_ids` (K,) the id on disk of each class; `train_ids` (R,) uint8 from an id on
    disk to the train id, VOID where it is not evaluated.
    """

    reader: str
    names: tuple[str, ...]
    palette: np.ndarray
    raw_ids: np.ndarray
    train_ids: np.ndarray

    def decode(self, raw: np.ndarray, source: object, remedy: str = "is this the right dataset?") -> np.ndarray:
        """Ids on disk (H, W), any integer type, to train ids uint8 (H, W); AcnetError naming an id out of range."""
        if raw.dtype == np.uint8:  # five times as fast as an index for each pixel
            decoded = raw.tobytes().translate(self._bytes)
            if _ILLEGAL not in decoded:
                return np.frombuffer(decoded, np.uint8).reshape(raw.shape)
        low, high = int(raw.min()), int(raw.max())
        bad = low if low < 0 else high
        if low >= 0 and high < len(self.train_ids):
            label = self.train_ids[raw]
            illegal = label == _ILLEGAL
            if not illegal.any():
                return label
            bad = int(raw[illegal].min())
        raise AcnetError(f"{source}: label id {bad} is out of range for {self.reader}; {remedy}")

    @functools.cached_property
    def _bytes(self) -> bytes:
        """The train id of each of the 256 bytes."""
        return self.train_ids.tobytes().ljust(256, bytes([_ILLEGAL]))[:256]

    def encode(self, label: np.ndarray, void: int) -> np.ndarray:
        """Train ids uint8 (H, W) to ids on disk int32 (H, W), VOID becoming `void`."""
        table = np.full(256, void, np.int32)
        table[: len(self.raw_ids)] = self.raw_ids
        return table[label]


@functools.cache
def load(reader: str) -> Classes:
    """The class table of a reader; AcnetError for an unknown name."""
    path = _FOLDER / f"{reader}.json"
    if not path.exists():
        raise AcnetError(f"{reader}: unknown reader{nearest(reader, [p.stem for p in _FOLDER.glob('*.json')])}")
    table = read_json(path)
    train_ids = np.full(max(table["raw_ids"] + table["void_ids"]) + 1, _ILLEGAL, np.uint8)
    train_ids[table["void_ids"]] = VOID
    train_ids[table["raw_ids"]] = np.arange(len(table["names"]))
    palette = np.array(table["palette"], np.uint8)
    raw_ids = np.array(table["raw_ids"], np.int32)
    for array in (palette, raw_ids, train_ids):
        array.setflags(write=False)
    return Classes(reader, tuple(table["names"]), palette, raw_ids, train_ids)
