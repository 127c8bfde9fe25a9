"""Prepared data: raw pixels in one file per split, memory-mapped, so that a crop is read without decoding.

A split is `{split}.images.bin` (RGB uint8, one image after another), `{split}.labels.bin` (train ids uint8, void
255; absent for a split without labels) and `{split}.index.json` (names, sizes, checksums). `manifest.json` is
written last: without it the folder counts as absent.
"""

import dataclasses
import hashlib
import itertools
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from acnet.errors import AcnetError
from acnet.files import read_json, write_json

MANIFEST = "manifest.json"
_PIECE = 1 << 18  # bytes at once: they stay in the processor's cache
_BEHIND = 1 << 26  # bytes that may still be on their way to the disk


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the images of one split lie in the files of `folder`: `starts` counts pixels, one more than images."""

    folder: Path
    split: str
    labelled: bool
    starts: tuple[int, ...]

    @classmethod
    def of(cls, folder: Path, split: str, labelled: bool, sizes: Iterable[tuple[int, int]]) -> "Places":
        """The places of images of the given sizes (H, W)."""
        starts = itertools.accumulate((h * w for h, w in sizes), initial=0)
        return cls(Path(folder), split, labelled, tuple(starts))

    @property
    def files(self) -> dict[Path, int]:
        """Each data file and the bytes of one pixel in it."""
        kinds = {"images": 3, "labels": 1} if self.labelled else {"images": 3}
        return {self.folder / f"{self.split}.{kind}.bin": channels for kind, channels in kinds.items()}

    def reserve(self) -> None:
        """Make the files, at their full size, unless they are there."""
        for path, channels in self.files.items():
            with open(path, "ab") as handle:
                handle.truncate(channels * self.starts[-1])

    def place(self, index: int) -> "Place":
        """The place of one image."""
        start, stop = self.starts[index : index + 2]
        return Place(tuple((path, n * start, n * (stop - start)) for path, n in self.files.items()))

    def finish(
        self, names: list[str], sizes: list[tuple[int, int]], marks: list[tuple[int, ...]] | None = None
    ) -> dict[str, str]:
        """Flush to disk and write the index; a digest of each data file by its name.

        `marks` are what Place.write returned for each image; without them the files are read. The digest is the SHA-256
        of the lines "height width CRC-32" of all images in their order: SHA-256 of the pixels themselves would take a
        tenth of the time in which a core decodes them, CRC-32 a fiftieth.
        """
        marks = marks or [self.place(index).check() for index in range(len(names))]
        digests = {}
        for number, path in enumerate(self.files):
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
            lines = (f"{h} {w} {mark[number]}\n" for (h, w), mark in zip(sizes, marks, strict=True))
            digests[path.name] = hashlib.sha256("".join(lines).encode()).hexdigest()
        write_json(self.folder / f"{self.split}.index.json", {"names": names, "sizes": sizes, "crc32": marks})
        return digests


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one image and its label lie: (file, first byte, bytes) of each."""

    parts: tuple[tuple[Path, int, int], ...]

    def write(self, image: np.ndarray, label: np.ndarray | None) -> tuple[int, ...]:
        """Write an image uint8 (H, W, 3) and its label uint8 (H, W); the CRC-32 of each."""
        marks = []
        for (path, first, count), array in zip(self.parts, (image, label), strict=False):
            data = np.ascontiguousarray(array, np.uint8).reshape(-1).data
            if data.nbytes != count:
                raise ValueError(f"{path}: {data.nbytes} bytes for a place of {count}")
            mark = 0
            with open(path, "r+b", buffering=0) as handle:
                handle.seek(first)
                for start in range(0, count, _PIECE):
                    piece = data[start : start + _PIECE]
                    mark = zlib.crc32(piece, mark)
                    while piece:  # a full disk writes less than it was given, once
                        piece = piece[handle.write(piece) :]
                _let_go(handle.fileno(), first, count)
            marks.append(mark)
        return tuple(marks)

    def check(self) -> tuple[int, ...]:
        """The CRC-32 of the image and of the label that lie here."""
        return tuple(_crc32(*part) for part in self.parts)


def _let_go(file: int, first: int, count: int) -> None:
    """Let the disk begin with these bytes now, and the system forget those before them that have reached it.

    Left to itself it begins late, so that the last flush waits, and gives all its memory to what nobody reads soon.
    """
    if hasattr(os, "posix_fadvise"):
        behind = min(first, _BEHIND)
        os.posix_fadvise(file, first - behind, behind + count, os.POSIX_FADV_DONTNEED)


def _crc32(path: Path, first: int, count: int) -> int:
    mark = 0
    with open(path, "rb", buffering=0) as handle:
        handle.seek(first)
        while piece := handle.read(min(count, _PIECE)):
            mark = zlib.crc32(piece, mark)
            count -= len(piece)
    return mark


class FileDigest:
    """The digest of a data file (see Places.finish), from its bytes as they pass by."""

    def __init__(self, sizes: Iterable[tuple[int, int]], channels: int):
        self._sizes, self._channels = iter(sizes), channels
        self._made, self._mark = hashlib.sha256(), 0
        self._next()

    def update(self, piece: bytes) -> None:
        """The next bytes of the file, any number of them."""
        rest = memoryview(piece)
        while rest and self._size:
            taken, rest = rest[: self._left], rest[self._left :]
            self._mark = zlib.crc32(taken, self._mark)
            self._left -= len(taken)
            if not self._left:
                self._made.update(f"{self._size[0]} {self._size[1]} {self._mark}\n".encode())
                self._next()

    def hexdigest(self) -> str:
        """The digest, as in the manifest."""
        return self._made.hexdigest()

    def _next(self) -> None:
        self._size, self._mark = next(self._sizes, None), 0
        self._left = self._channels * self._size[0] * self._size[1] if self._size else 0


class Store:
    """The images and labels of one prepared split, as views of memory maps."""

    def __init__(self, folder: Path, split: str):
        self.folder, self.split = Path(folder), split
        manifest = self.folder / MANIFEST
        if not manifest.exists():
            raise AcnetError(
                f"{manifest}: not there; prepare the dataset first (acnet data prepare {self.folder.name})"
            )
        splits = read_json(manifest)["splits"]
        if split not in splits or "files" not in splits[split]:
            known = ", ".join(s for s in splits if "files" in splits[s])
            raise AcnetError(f"{manifest}: split '{split}' is not prepared; prepared: {known}")
        index = read_json(self._present(f"{split}.index.json"))
        self.names: list[str] = index["names"]
        self.sizes: list[tuple[int, int]] = [(h, w) for h, w in index["sizes"]]
        self._starts = np.concatenate([[0], np.cumsum([h * w for h, w in self.sizes], dtype=np.int64)])
        self.labelled = f"{split}.labels.bin" in splits[split]["files"]
        self._sizes: dict[Path, int] = {}
        self._images = self._map("images", 3)
        self._labels = self._map("labels", 1) if self.labelled else None

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> np.ndarray:
        """RGB uint8 (H, W, 3), read-only."""
        start, stop = 3 * self._starts[index], 3 * self._starts[index + 1]
        return self._images[start:stop].reshape(*self.sizes[index], 3)

    def label(self, index: int) -> np.ndarray:
        """Train ids uint8 (H, W), read-only, void 255; AcnetError for a split without labels."""
        if self._labels is None:
            raise AcnetError(f"{self.folder}: split '{self.split}' has no public labels; it can only be predicted")
        return self._labels[self._starts[index] : self._starts[index + 1]].reshape(self.sizes[index])

    def refuse_changed(self) -> None:
        """AcnetError if a file has vanished or was cut since it was opened: reading a map beyond its end is deadly."""
        for path, size in self._sizes.items():
            try:
                now = path.stat().st_size
            except OSError as error:
                raise AcnetError(f"{path}: vanished while it was read; bring it back, or prepare again") from error
            if now != size:
                raise AcnetError(
                    f"{path}: was {size} bytes and is {now} now, while it was read; delete "
                    f"{self.folder / MANIFEST} and prepare again"
                )

    def _map(self, kind: str, channels: int) -> np.ndarray:
        path = self._present(f"{self.split}.{kind}.bin")
        size = path.stat().st_size
        if size != channels * self._starts[-1]:
            raise AcnetError(
                f"{path}: has another size than its index; delete {self.folder / MANIFEST} and prepare again"
            )
        self._sizes[path] = size
        # A plain array over the map: slicing np.memmap itself costs several times more.
        return np.asarray(np.memmap(path, np.uint8, "r"))

    def _present(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            remedy = f"delete {self.folder / MANIFEST} and `acnet data prepare {self.folder.name}`"
            raise AcnetError(f"{path}: not there; {remedy}")
        return path

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "split": self.split}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # a worker process opens its own map instead of receiving the pixels
