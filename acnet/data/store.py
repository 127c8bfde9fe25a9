"""Prepared data: raw pixels in one file per split, memory-mapped, so that a crop is read without decoding.

A split is `{split}.images.bin` (RGB uint8, one image after another), `{split}.labels.bin` (train ids uint8, void
255; absent for a split without labels) and `{split}.index.json` (names and sizes). `manifest.json` is
written last: without it the folder counts as absent.
"""

import hashlib
import os
from pathlib import Path
from typing import IO, Any

import numpy as np

from acnet.errors import AcnetError
from acnet.files import read_json, write_json

MANIFEST = "manifest.json"


class StoreWriter:
    """Append the images of one split to new files in `folder`; only `finish` makes them complete."""

    def __init__(self, folder: Path, split: str, labelled: bool):
        self._folder, self._split = Path(folder), split
        kinds = ["images", "labels"] if labelled else ["images"]
        self._files: dict[str, IO[bytes]] = {k: open(self._path(k), "wb") for k in kinds}  # noqa: SIM115
        self._hashes = {k: hashlib.sha256() for k in kinds}
        self._names: list[str] = []
        self._sizes: list[tuple[int, int]] = []

    def add(self, name: str, image: np.ndarray, label: np.ndarray | None) -> None:
        """Append one image uint8 (H, W, 3) and its label uint8 (H, W)."""
        for kind, array in (("images", image), ("labels", label)):
            if kind in self._files:
                data = np.ascontiguousarray(array, np.uint8).data
                self._files[kind].write(data)
                self._hashes[kind].update(data)
        self._names.append(name)
        self._sizes.append(image.shape[:2])

    def finish(self) -> dict[str, str]:
        """Flush to disk and write the index; the SHA-256 of each data file by its name."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self.close()
        write_json(self._folder / f"{self._split}.index.json", {"names": self._names, "sizes": self._sizes})
        return {self._path(k).name: h.hexdigest() for k, h in self._hashes.items()}

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()

    def _path(self, kind: str) -> Path:
        return self._folder / f"{self._split}.{kind}.bin"


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
