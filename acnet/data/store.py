"""Prepared data: raw pixels in one file per split, memory-mapped, so that a crop is read without decoding.

A split is `{split}.images.bin` (RGB uint8, one image after another), `{split}.labels.bin` (train ids uint8, ignored
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
_BEHIND = 1 << 26  # bytes that may still be on their way to the disk


class Places:
    """Where the images of one split, of the given `sizes` (H, W), lie in the files of `folder`.

    `files` holds the bytes of each data file.
    """

    def __init__(self, folder: Path, split: str, labelled: bool, sizes: list[tuple[int, int]]):
        self._index, self._sizes = Path(folder) / f"{split}.index.json", sizes
        self._starts = _starts(sizes)
        kinds = {"images": 3, "labels": 1} if labelled else {"images": 3}
        self._channels = {Path(folder) / f"{split}.{kind}.bin": channels for kind, channels in kinds.items()}
        self.files = {path: channels * self._starts[-1] for path, channels in self._channels.items()}

    def reserve(self) -> None:
        """Make the files, at their full size, unless they are there."""
        for path, size in self.files.items():
            with open(path, "ab") as handle:
                handle.truncate(size)

    def place(self, index: int) -> "Place":
        """The place of one image."""
        start, stop = self._starts[index : index + 2]
        return Place(tuple((path, n * start, n * (stop - start)) for path, n in self._channels.items()))

    def finish(self, names: list[str], checksums: list[tuple[int, ...]]) -> dict[str, str]:
        """Flush to disk and write the index; a digest of each data file by its name.

        `checksums` are what Place.write returned for each image. The digest is the SHA-256 of the lines "height width
        CRC-32" of all images in their order: SHA-256 of the pixels themselves would take a tenth of the time in which
        a core decodes them, CRC-32 a fiftieth.
        """
        digests = {}
        for path, of_images in zip(self.files, zip(*checksums, strict=True), strict=True):
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
            digests[path.name] = _digest(self._sizes, of_images)
        write_json(self._index, {"names": names, "sizes": self._sizes, "crc32": checksums})
        return digests


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one image and its label lie: (file, first byte, bytes) of each."""

    parts: tuple[tuple[Path, int, int], ...]

    def write(self, image: np.ndarray, label: np.ndarray | None) -> tuple[int, ...]:
        """Write an image uint8 (H, W, 3) and its label uint8 (H, W); the CRC-32 of each."""
        checksums = []
        for (path, first, count), array in zip(self.parts, (image, label), strict=False):
            data = np.ascontiguousarray(array, np.uint8).reshape(-1).data
            if data.nbytes != count:
                raise ValueError(f"{path}: {data.nbytes} bytes for a place of {count}")
            with open(path, "r+b") as handle:
                handle.seek(first)
                handle.write(data)
                handle.flush()
                _flush(handle.fileno(), first, count)
            checksums.append(zlib.crc32(data))
        return tuple(checksums)

    def checksums(self) -> tuple[int, ...]:
        """The CRC-32 of the image and of the label that lie here."""
        return tuple(_crc32(*part) for part in self.parts)


def _flush(file: int, first: int, count: int) -> None:
    """Start writing these bytes to disk now, and drop those before them, once written, from the page cache.

    Otherwise the system starts late, so that the last flush waits, and its cache fills with pages not read soon.
    """
    if hasattr(os, "posix_fadvise"):
        behind = min(first, _BEHIND)
        os.posix_fadvise(file, first - behind, behind + count, os.POSIX_FADV_DONTNEED)


def _crc32(path: Path, first: int, count: int) -> int:
    with open(path, "rb") as handle:
        handle.seek(first)
        return zlib.crc32(handle.read(count))


def _starts(sizes: Iterable[tuple[int, int]]) -> list[int]:
    """The first pixel of each image, and the number of all pixels."""
    return [0, *itertools.accumulate(h * w for h, w in sizes)]


def _digest(sizes: Iterable[tuple[int, int]], checksums: Iterable[int]) -> str:
    lines = (f"{h} {w} {checksum}\n" for (h, w), checksum in zip(sizes, checksums, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest_of(path: Path, sizes: list[tuple[int, int]]) -> str:
    """The digest (see Places.finish) of a data file with images of these sizes, which is read."""
    starts = _starts(sizes)
    channels = path.stat().st_size // max(1, starts[-1])
    return _digest(sizes, (_crc32(path, channels * a, channels * (b - a)) for a, b in itertools.pairwise(starts)))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared dataset; AcnetError if it is not prepared."""
    if not (folder / MANIFEST).exists():
        remedy = f"prepare the dataset first (acnet data prepare {folder.name})"
        raise AcnetError(f"{folder / MANIFEST}: not found; {remedy}")
    return read_json(folder / MANIFEST)


class Store:
    """The images and labels of one prepared split, as views of memory maps."""

    def __init__(self, folder: Path, split: str):
        self.folder, self.split = Path(folder), split
        splits = {
            name: facts["files"] for name, facts in read_manifest(self.folder)["splits"].items() if "files" in facts
        }
        if split not in splits:
            known = ", ".join(splits)
            raise AcnetError(f"{self.folder / MANIFEST}: split '{split}' is not prepared; prepared: {known}")
        index = read_json(self._present(f"{split}.index.json"))
        self.names: list[str] = index["names"]
        self.sizes: list[tuple[int, int]] = [(h, w) for h, w in index["sizes"]]
        self._starts = _starts(self.sizes)
        self.labelled = f"{split}.labels.bin" in splits[split]
        self._bytes: dict[Path, int] = {}
        self._images = self._map("images", 3)
        self._labels = self._map("labels", 1) if self.labelled else None

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> np.ndarray:
        """RGB uint8 (H, W, 3), read-only."""
        start, stop = 3 * self._starts[index], 3 * self._starts[index + 1]
        return self._images[start:stop].reshape(*self.sizes[index], 3)

    def label(self, index: int) -> np.ndarray:
        """Train ids uint8 (H, W), read-only, ignored 255; AcnetError for a split without labels."""
        if self._labels is None:
            raise AcnetError(f"{self.folder}: split '{self.split}' has no public labels; it can only be predicted")
        return self._labels[self._starts[index] : self._starts[index + 1]].reshape(self.sizes[index])

    def refuse_changed(self) -> None:
        """AcnetError if a file has vanished or was cut since it was opened: reading beyond its end raises SIGBUS."""
        for path, size in self._bytes.items():
            now = self._present(path.name).stat().st_size
            if now != size:
                raise AcnetError(f"{path}: was {size} bytes and is {now} now, while it was read; {self._remedy}")

    def _map(self, kind: str, channels: int) -> np.ndarray:
        path = self._present(f"{self.split}.{kind}.bin")
        size = self._bytes[path] = path.stat().st_size
        if size != channels * self._starts[-1]:
            raise AcnetError(f"{path}: has another size than its index; {self._remedy}")
        # A plain array over the map: slicing np.memmap itself costs several times more.
        return np.asarray(np.memmap(path, np.uint8, "r"))

    def _present(self, name: str) -> Path:
        if not (self.folder / name).exists():
            raise AcnetError(f"{self.folder / name}: not found; {self._remedy}")
        return self.folder / name

    @property
    def _remedy(self) -> str:
        return f"delete {self.folder / MANIFEST} and `acnet data prepare {self.folder.name}`"

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "split": self.split}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # a worker process opens its own map instead of receiving the pixels
