"""Prepared data: raw pixels in one file per split, memory-mapped, so that a crop is read without decoding.

A split is `{split}.images.bin` (RGB uint8, one image after another), `{split}.labels.bin` (train ids uint8, void
255; absent for a split without labels) and `{split}.index.json` (names and sizes). `manifest.json` is
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
from acnet.files import read_json, sha256, write_json

MANIFEST = "manifest.json"


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

    def finish(self, names: list[str], sizes: list[tuple[int, int]], hashes: "Hashes | None" = None) -> dict[str, str]:
        """Flush to disk and write the index; the SHA-256 of each data file by its name (`hashes`, if taken)."""
        for path in self.files:
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
        write_json(self.folder / f"{self.split}.index.json", {"names": names, "sizes": sizes})
        return hashes.complete() if hashes else {path.name: sha256(path) for path in self.files}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one image and its label lie: (file, first byte, bytes) of each."""

    parts: tuple[tuple[Path, int, int], ...]

    def write(self, image: np.ndarray, label: np.ndarray | None) -> int:
        """Write an image uint8 (H, W, 3) and its label uint8 (H, W); their checksum (see check)."""
        mark = 0
        for (path, first, count), array in zip(self.parts, (image, label), strict=False):
            data = np.ascontiguousarray(array, np.uint8).reshape(-1)
            if data.nbytes != count:
                raise ValueError(f"{path}: {data.nbytes} bytes for a place of {count}")
            with open(path, "r+b") as handle:
                handle.seek(first)
                handle.write(data.data)
            mark = _mark(data, mark)
        return mark

    def check(self) -> int:
        """The checksum of what lies here."""
        mark = 0
        for path, first, count in self.parts:
            with open(path, "rb") as handle:
                handle.seek(first)
                mark = _mark(np.frombuffer(handle.read(count), np.uint8), mark)
        return mark


def _mark(data: np.ndarray, before: int) -> int:
    """A checksum of bytes that shows a page (4096) that never reached the disk: some of each page are enough."""
    return zlib.crc32(np.ascontiguousarray(data[::61]), before)


class Hashes:
    """The SHA-256 of a split's files, taken in their order while images reach their places in any order."""

    def __init__(self, places: Places):
        self._places = places
        self._hashes = {path: hashlib.sha256() for path in places.files}
        self._ready: set[int] = set()
        self._next = 0
        self._piece = memoryview(bytearray(1 << 18))

    def add(self, index: int) -> None:
        """Image `index` is in its place."""
        self._ready.add(index)
        while self._next in self._ready:
            self._ready.remove(self._next)
            for path, first, count in self._places.place(self._next).parts:
                self._take(path, first, count)
            self._next += 1

    def _take(self, path: Path, first: int, count: int) -> None:
        with open(path, "rb", buffering=0) as handle:
            handle.seek(first)
            while count:  # in pieces that stay in the processor's cache
                got = handle.readinto(self._piece[: min(count, len(self._piece))])
                if not got:
                    raise AcnetError(f"{path}: ends too early; run the same command again")
                self._hashes[path].update(self._piece[:got])
                count -= got

    def complete(self) -> dict[str, str]:
        """The hashes by file name, once every image was added."""
        return {path.name: made.hexdigest() for path, made in self._hashes.items()}


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
        index = read_json(self.folder / f"{split}.index.json")
        self.names: list[str] = index["names"]
        self.sizes: list[tuple[int, int]] = [(h, w) for h, w in index["sizes"]]
        self._starts = np.concatenate([[0], np.cumsum([h * w for h, w in self.sizes], dtype=np.int64)])
        self.labelled = f"{split}.labels.bin" in splits[split]["files"]
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

    def _map(self, kind: str, channels: int) -> np.ndarray:
        path = self.folder / f"{self.split}.{kind}.bin"
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise AcnetError(f"{path}: not there; delete {self.folder / MANIFEST} and prepare again") from error
        if size != channels * self._starts[-1]:
            raise AcnetError(
                f"{path}: has another size than its index; delete {self.folder / MANIFEST} and prepare again"
            )
        # A plain array over the map: slicing np.memmap itself costs several times more.
        return np.asarray(np.memmap(path, np.uint8, "r"))

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "split": self.split}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # a worker process opens its own map instead of receiving the pixels
