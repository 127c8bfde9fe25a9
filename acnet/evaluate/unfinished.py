"""What an evaluation has counted so far, so that one that was killed goes on where it was, and several can share a set.

A folder holds one file for each process that worked there; a process appends to its own file only. A record that was
cut short, and all behind it, is ignored.
"""

import contextlib
import os
import shutil
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np

from acnet.evaluate.counts import ImageCounts
from acnet.files import no_room

_HEAD = struct.Struct("<4I")  # image, number of codes, number of classes, CRC-32 of the rest


class Unfinished:
    """The records of every process that works on `key` in `folder`; those of other keys are left alone."""

    def __init__(self, folder: Path, key: str):
        self.folder, self.key = folder, key
        self._file = None
        self.images: dict[int, ImageCounts] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what all processes have written by now."""
        for path in sorted(self.folder.glob(f"{self.key}.*.part")):
            try:
                self.images.update(_records(path.read_bytes()))
            except FileNotFoundError:
                continue  # another process has just finished the set

    def add(self, index: int, counts: ImageCounts) -> None:
        """Keep the counts of image `index`; they outlive a kill of this process. AcnetError if the disk is full."""
        body = b"".join(part.astype("<u4").tobytes() for part in (counts.codes, counts.pixels, counts.contour))
        head = _HEAD.pack(index, len(counts.codes), counts.contour.shape[1], zlib.crc32(body))
        rest = memoryview(head + body)
        try:
            if self._file is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                # mkstemp's names differ between the processes of all machines that see this folder.
                self._file, _ = tempfile.mkstemp(".part", f"{self.key}.", self.folder)
            while rest:  # a disk that fills takes a part and says nothing
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise no_room(error, self.folder) or error from error
        self.images[index] = counts

    def close(self) -> None:
        """Let go of this process's file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        """Delete the folder; what it held is in the metrics now."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # the folder of another protocol's evaluation may lie beside
            self.folder.parent.rmdir()


def _records(data: bytes) -> dict[int, ImageCounts]:
    found, position = {}, 0
    while len(data) - position >= _HEAD.size:
        index, codes, classes, checksum = _HEAD.unpack_from(data, position)
        numbers = 2 * codes + 3 * classes
        body = data[position + _HEAD.size : position + _HEAD.size + 4 * numbers]
        if len(body) < 4 * numbers or zlib.crc32(body) != checksum:
            break
        values = np.frombuffer(body, "<u4").astype(np.uint32)
        found[index] = ImageCounts(values[:codes], values[codes : 2 * codes], values[2 * codes :].reshape(3, classes))
        position += _HEAD.size + 4 * numbers
    return found
