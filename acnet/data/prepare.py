"""From a dataset as downloaded to the store that training and evaluation read."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acnet import __version__
from acnet.data import classes, readers
from acnet.data.images import image_size
from acnet.data.journal import Journal, alone
from acnet.data.pair import Pair, SplitMissing
from acnet.data.pool import Pool, keep_memory
from acnet.data.source import described, record_source
from acnet.data.store import MANIFEST, Place, Places
from acnet.errors import AcnetError
from acnet.fetch.extract import EXTRACTED
from acnet.fetch.space import check_space
from acnet.files import no_room, read_json, write_json
from acnet.progress import Progress

Judge = Callable[[str, dict[str, Any], Iterator[tuple[str, np.ndarray]]], list[str]]
_WORK = ".preparing"
TOLERANCE = 0.01  # real copies differ by an image or two from the official counts
_MOST = 12  # processes: together they stay under 1 GB, and write faster than most disks
_SKIPPED = "not on disk, skipped; only a submission needs it"


@dataclasses.dataclass(frozen=True)
class _Split:
    """What one split will be: `sizes` (H, W) of its images, `note` on an unexpected number of them."""

    name: str
    expected: int
    labelled: bool
    pairs: list[Pair]
    sizes: list[tuple[int, int]]
    note: str

    def places(self, folder: Path) -> Places:
        return Places.of(folder, self.name, self.labelled, self.sizes)


def prepare(name: str, dataset: Any, source: Path, out: Path, threads: int = 1, judge: Judge = lambda *_: []) -> dict:
    """Read all splits of `dataset` under `source` into a store in `out`; the manifest as a dict.

    `threads` processes decode, at most twelve. Memory does not grow with the dataset; equal input gives equal bytes.
    A broken-off preparation is continued, image by image, unless the source has changed. Until the manifest is written,
    last, the store counts as absent. `judge` says from a split's name, its record in the manifest and the
    label counts of each image by name what is wrong with it.
    Raises AcnetError for whatever is missing or wrong in the dataset, and for a disk
    too small before it is filled.
    """
    out, work = Path(out), Path(out) / _WORK
    try:
        work.mkdir(parents=True, exist_ok=True)
        with alone(work):
            origin = described(Path(source)) if dataset.generate is None else None
            splits = [_plan(name, dataset, Path(source), split, n) for split, n in dataset.splits.items()]
            journal = Journal(work, [dataset.reader, [[s.name, s.pairs, s.sizes] for s in splits]])
            needed = sum(sum(s.places(work).files.values()) * s.places(work).starts[-1] for s in splits)
            check_space(work, needed - _held(work), f"preparing {name}")
            keep_memory()
            with Pool(min(threads, _MOST), keep_memory) as pool:
                records = {s.name: _prepare_split(f"{name} {s.name}", dataset, s, work, journal, pool) for s in splits}
            for split in splits:
                if split.labelled:
                    by_image = ((split.pairs[i].name, found) for i, found in journal.counts(split.places(work)))
                    for problem in judge(split.name, records[split.name], by_image):
                        raise AcnetError(f"{name} {split.name}: {problem}; `acnet data check {name}` tells more")
            manifest = {
                "dataset": name,
                "title": dataset.title,
                "reader": dataset.reader,
                "classes": list(classes.load(dataset.reader).names),
                "source": _origin(dataset, Path(source)),
                "splits": records,
                "code_version": __version__,
            }
            (out / MANIFEST).unlink(missing_ok=True)
            for pattern in ("*.bin", "*.index.json"):
                for path in sorted(work.glob(pattern)):
                    os.replace(path, out / path.name)
            if origin:
                record_source(out, origin, manifest)
            write_json(out / MANIFEST, manifest)
    except OSError as error:
        if refusal := no_room(error, out):
            raise refusal from error
        raise
    shutil.rmtree(work, ignore_errors=True)
    return manifest


def _plan(name: str, dataset: Any, source: Path, split: str, expected: int) -> _Split:
    labelled = readers.labelled(dataset.reader, split)
    try:
        pairs = readers.pairs(dataset.reader, source, split)
    except SplitMissing:
        if labelled:
            raise
        return _Split(split, expected, labelled, [], [], _SKIPPED)
    note = _check_count(f"{name} {split}", dataset, len(pairs), expected, labelled)
    return _Split(split, expected, labelled, pairs, [image_size(pair.image) for pair in pairs], note)


def _prepare_split(label: str, dataset: Any, split: _Split, work: Path, journal: Journal, pool: Pool) -> dict[str, Any]:
    record: dict[str, Any] = {"expected": split.expected, "images": len(split.pairs)}
    if not split.pairs:
        return {**record, "note": split.note}
    places = split.places(work)
    places.reserve()
    marks, counts = journal.done(places)
    progress = Progress(f"prepare {label}", len(split.pairs), "images", start=len(marks))
    left = [index for index in range(len(split.pairs)) if index not in marks]
    jobs = ((places.place(index), index, dataset.reader, split.pairs[index]) for index in left)
    for index, mark, found in pool.run(write_one, jobs):
        journal.add(places, index, mark, found)
        counts += found
        marks[index] = mark
        progress.advance()
    names = [pair.name for pair in split.pairs]
    files = places.finish(names, split.sizes, [marks[index] for index in range(len(names))])
    progress.finish(split.note)
    record |= {"files": files, "note": split.note}
    if split.labelled:
        names = classes.load(dataset.reader).names
        record["histogram"] = {n: int(c) for n, c in zip(names, counts, strict=False)}
        record["void"] = int(counts[classes.VOID])
    return record


def write_one(place: Place, index: int, reader: str, pair: Pair) -> tuple[int, tuple[int, ...], np.ndarray]:
    """Decode one pair into its place: (index, checksums, pixels of each label value (256,) int64)."""
    image, truth = readers.load_pair(reader, pair)
    counts = np.zeros(256, np.int64) if truth is None else frequencies(truth)
    return index, place.write(image, truth), counts


def frequencies(label: np.ndarray) -> np.ndarray:
    """The pixels of each value of a label uint8 (H, W): (256,) int64."""
    # Counted by runs of equal pixels, which labels have long ones of: ten times as fast as bincount over pixels.
    flat = label.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    return np.bincount(flat[starts], lengths, 256).astype(np.int64)  # whole numbers below 2^53 are exact


def _check_count(label: str, dataset: Any, found: int, expected: int, labelled: bool) -> str:
    if found == expected:
        return ""
    text = f"{found} images instead of {expected}"
    # Sources disagree on the number of test images, and nothing is measured on them.
    tolerance = 0 if dataset.generate is not None else TOLERANCE * expected if labelled else float("inf")
    if abs(found - expected) > tolerance:
        remedy = "generate it again" if dataset.generate is not None else "the copy is not complete, or another version"
        raise AcnetError(f"{label}: {text}; {remedy}; `acnet data check` lists what is missing")
    return text


def _origin(dataset: Any, source: Path) -> dict[str, Any]:
    """Where the images came from, without naming this machine's folders."""
    if dataset.generate is not None:
        return {"kind": "generated"}
    if (source / EXTRACTED).exists():
        return {"kind": "archives", "sha256": read_json(source / EXTRACTED)["archives"]}
    return {"kind": "folder"}


def _held(work: Path) -> int:
    """The bytes on disk already; files with holes count for what they hold."""
    return sum(512 * path.stat().st_blocks for path in work.glob("*.bin"))
