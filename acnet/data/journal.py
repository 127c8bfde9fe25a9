"""Which images of a preparation are done, kept on disk, so that a killed one goes on where it was."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acnet import __version__
from acnet.data.pair import Pair
from acnet.data.store import Places
from acnet.files import digest, held, write_text

_PLAN, _LOCK = "plan", "lock"


@contextlib.contextmanager
def alone(work: Path) -> Iterator[None]:
    """Keep other processes out of `work`; AcnetError if one is there."""
    with held(work / _LOCK, f"{work}: another process is preparing this dataset; wait for that one"):
        yield


class Journal:
    """One line per finished image in {work}/{split}.journal. Work for another plan is thrown away."""

    def __init__(self, work: Path, plan: list):
        self.work = work
        mark = digest([__version__, _plain(plan)])
        if not (work / _PLAN).exists() or (work / _PLAN).read_text() != mark:
            for path in work.iterdir():
                if path.name != _LOCK:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            write_text(work / _PLAN, mark)

    def done(self, places: Places) -> tuple[dict[int, tuple[int, ...]], np.ndarray]:
        """(checksums of each image that is in its place, whole and unchanged; their label counts (256,) in sum)."""
        path, counts = self._path(places), np.zeros(256, np.int64)
        if not path.exists():
            return {}, counts
        found = {}
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError, KeyError):  # the last line may be cut
                entry = json.loads(line)
                found[entry["index"]] = entry
        found = {i: entry for i, entry in found.items() if list(places.place(i).check()) == entry["mark"]}
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in found.values()))
        for entry in found.values():
            for value, count in entry["counts"].items():
                counts[int(value)] += count
        return {index: tuple(entry["mark"]) for index, entry in found.items()}, counts

    def add(self, places: Places, index: int, mark: tuple[int, ...], counts: np.ndarray) -> None:
        """Note that an image is in its place."""
        entry = {"index": index, "mark": mark, "counts": {int(v): int(counts[v]) for v in np.flatnonzero(counts)}}
        with open(self._path(places), "a") as handle:
            handle.write(json.dumps(entry) + "\n")

    def counts(self, places: Places) -> Iterator[tuple[int, np.ndarray]]:
        """(index, label counts (256,)) of each finished image, one by one."""
        with open(self._path(places)) as handle:
            for line in handle:
                entry, counts = json.loads(line), np.zeros(256, np.int64)
                for value, count in entry["counts"].items():
                    counts[int(value)] = count
                yield entry["index"], counts

    def _path(self, places: Places) -> Path:
        return self.work / f"{places.split}.journal"


def _plain(value: Any) -> Any:
    """A plan as plain values, each file with its size and time."""
    if isinstance(value, Path):
        facts = value.stat()
        return [str(value), facts.st_size, facts.st_mtime_ns]
    if isinstance(value, Pair):
        return [value.name, _plain(value.image), _plain(value.label)]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | None) else _plain([value.file, value.layers])
