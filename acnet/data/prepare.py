"""From a dataset as downloaded to the store that training and evaluation read."""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acnet import __version__
from acnet.data import classes, readers
from acnet.data.images import image_size
from acnet.data.pair import Pair, SplitMissing
from acnet.data.pascal_context import Masks
from acnet.data.pool import Pool
from acnet.data.source import described, record_source
from acnet.data.store import MANIFEST, Place, Places
from acnet.errors import AcnetError
from acnet.files import check_space, digest, held, no_room, read_json, write_json, write_text
from acnet.params.datasets import EXTRACTED
from acnet.progress import Progress

Check = Callable[[str, dict[str, Any], Iterator[tuple[str, np.ndarray]]], list[str]]
TOLERANCE = 0.01  # real copies differ by an image or two from the official counts
_WORK, _LOCK, _PLAN = ".preparing", "lock", "plan"
_MOST = 12  # processes: together they stay under 1 GB, and write faster than most disks


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
        return Places(folder, self.name, self.labelled, self.sizes)


def prepare(name: str, dataset: Any, source: Path, out: Path, threads: int = 1, check: Check = lambda *_: []) -> dict:
    """Read all splits of `dataset` under `source` into a store in `out`; the manifest as a dict.

    `threads` processes decode, at most twelve. Equal input gives equal bytes. An interrupted preparation is resumed,
    image by image, unless the source has changed. Until the manifest is written, last, the store counts as absent.
    `check` says from a split's name, its record in the manifest and the label counts of each image by name what is
    wrong with it.
    Raises AcnetError for whatever is missing or wrong in the dataset, and before anything is written if the disk is
    too small.
    """
    work = Path(out) / _WORK
    try:
        work.mkdir(parents=True, exist_ok=True)
        with held(work / _LOCK, f"{work}: another process is preparing this dataset; wait for that one"):
            manifest = _prepare(name, dataset, Path(source), Path(out), threads, check)
    except OSError as error:
        if refusal := no_room(error, out):
            raise refusal from error
        raise
    shutil.rmtree(work, ignore_errors=True)
    return manifest


def _prepare(name: str, dataset: Any, source: Path, out: Path, threads: int, check: Check) -> dict:
    work = out / _WORK
    origin = described(source) if dataset.generate is None else None
    splits = [_plan(name, dataset, source, split, count) for split, count in dataset.splits.items()]
    _begin(work, [dataset.reader, [[s.name, [_facts(p) for p in s.pairs], s.sizes] for s in splits]])
    there = sum(512 * path.stat().st_blocks for path in work.glob("*.bin"))  # without their holes
    check_space(work, sum(sum(s.places(work).files.values()) for s in splits) - there, f"preparing {name}")
    with Pool(min(threads, _MOST)) as pool:
        records = {split.name: _prepare_split(name, dataset, split, work, pool) for split in splits}
    for split in (split for split in splits if split.labelled):
        by_image = ((split.pairs[line["index"]].name, _counts(line)) for line in _journal(work, split.name))
        for problem in check(split.name, records[split.name], by_image):
            raise AcnetError(f"{name} {split.name}: {problem}; see `acnet data check {name}`")
    manifest = {
        "dataset": name,
        "title": dataset.title,
        "reader": dataset.reader,
        "classes": list(classes.class_table(dataset).names),
        "source": _origin(dataset, source),
        "splits": records,
        "code_version": __version__,
    }
    (out / MANIFEST).unlink(missing_ok=True)
    for path in (*work.glob("*.bin"), *work.glob("*.index.json")):
        os.replace(path, out / path.name)
    if origin:
        record_source(out, origin, manifest)
    write_json(out / MANIFEST, manifest)
    return manifest


def _plan(name: str, dataset: Any, source: Path, split: str, expected: int) -> _Split:
    labelled = readers.labelled(dataset.reader, split)
    try:
        pairs = readers.pairs(dataset.reader, source, split)
    except SplitMissing:
        if labelled:
            raise
        return _Split(split, expected, labelled, [], [], "not on disk, skipped; only a submission needs it")
    note = "" if len(pairs) == expected else f"{len(pairs)} images instead of {expected}"
    # Sources disagree on the number of test images, and nothing is measured on them.
    tolerance = 0 if dataset.generate is not None else TOLERANCE * expected if labelled else float("inf")
    if abs(len(pairs) - expected) > tolerance:
        remedy = "the copy is not complete, or another version; `acnet data check` lists what is missing"
        if dataset.generate is not None:
            remedy = "generate it again"
        elif dataset.reader == "folders":
            remedy = "if these are all, correct the number in `splits` of the dataset's entry in datasets.yaml"
        raise AcnetError(f"{name} {split}: {note}; {remedy}")
    return _Split(split, expected, labelled, pairs, [image_size(pair.image) for pair in pairs], note)


def _facts(pair: Pair) -> list:
    """A pair as plain values, each file with its size and time."""
    files = [pair.image, pair.label.file if isinstance(pair.label, Masks) else pair.label]
    stats = [(file, file.stat()) for file in files if file]
    return [pair.name, *([str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats)]


def _begin(work: Path, plan: list) -> None:
    """Discard what was prepared in `work` by another plan."""
    current = digest({"version": __version__, "plan": plan})
    if not (work / _PLAN).exists() or (work / _PLAN).read_text() != current:
        for path in work.iterdir():
            if path.name != _LOCK:
                path.unlink()
        write_text(work / _PLAN, current)


def _prepare_split(name: str, dataset: Any, split: _Split, work: Path, pool: Pool) -> dict[str, Any]:
    record: dict[str, Any] = {"expected": split.expected, "images": len(split.pairs)}
    if not split.pairs:
        return {**record, "note": split.note}
    places = split.places(work)
    places.reserve()
    # An image that did not reach the disk before a crash is written again.
    done = {
        line["index"]: line
        for line in _journal(work, split.name)
        if list(places.place(line["index"]).checksums()) == line["checksums"]
    }
    write_text(work / f"{split.name}.journal", "".join(f"{json.dumps(line)}\n" for line in done.values()))
    progress = Progress(f"prepare {name} {split.name}", len(split.pairs), "images", start=len(done))
    left = ((i, pair) for i, pair in enumerate(split.pairs) if i not in done)
    jobs = ((places.place(i), i, dataset.reader, dataset.classes, pair) for i, pair in left)
    with open(work / f"{split.name}.journal", "a", buffering=1) as journal:
        for line in pool.run(write_one, jobs):
            journal.write(f"{json.dumps(line)}\n")
            done[line["index"]] = line
            progress.advance()
    names = [pair.name for pair in split.pairs]
    files = places.finish(names, [done[i]["checksums"] for i in range(len(names))])
    progress.finish(split.note)
    record |= {"files": files, "note": split.note}
    if split.labelled:
        counts = sum(_counts(line) for line in done.values())
        record["histogram"] = {n: int(c) for n, c in zip(classes.class_table(dataset).names, counts, strict=False)}
        record["ignored"] = int(counts[classes.IGNORE])
    return record


def write_one(place: Place, index: int, reader: str, number: int, pair: Pair) -> dict[str, Any]:
    """Decode one pair of a dataset with that `number` of classes into its place.

    Returns its line of the journal: index, checksums, pixels by label value. AcnetError as `load_counted`.
    """
    image, label, counts = load_counted(reader, number, pair)
    counts = {} if label is None else {int(v): int(c) for v, c in enumerate(counts) if c}
    return {"index": index, "checksums": place.write(image, label), "counts": counts}


def load_counted(reader: str, number: int, pair: Pair) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """As `readers.load_pair`, and the pixels of each label value (256,); AcnetError for an id of no class."""
    image, label = readers.load_pair(reader, pair)
    counts = None if label is None else frequencies(label)
    if counts is not None and counts[number : classes.IGNORE].any():
        found = number + int(np.flatnonzero(counts[number : classes.IGNORE])[-1])
        raise AcnetError(f"{pair.label}: label id {found} is out of range for {number} classes, 0 to {number - 1}")
    return image, label, counts


def _journal(work: Path, split: str) -> Iterator[dict[str, Any]]:
    """The line of each finished image of a split."""
    with contextlib.suppress(FileNotFoundError), open(work / f"{split}.journal") as handle:
        for line in handle:
            with contextlib.suppress(ValueError):  # a killed process may have cut the last line
                yield json.loads(line)


def _counts(line: dict[str, Any]) -> np.ndarray:
    """The pixels of each label value (256,) int64 of an image by its line of the journal."""
    counts = np.zeros(256, np.int64)
    counts[[int(value) for value in line["counts"]]] = list(line["counts"].values())
    return counts


def frequencies(label: np.ndarray) -> np.ndarray:
    """The pixels of each value of a label uint8 (H, W): (256,) int64."""
    # Counted by runs of equal pixels, which labels have long ones of: ten times as fast as bincount over pixels.
    flat = label.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    return np.bincount(flat[starts], lengths, 256).astype(np.int64)  # whole numbers below 2^53 are exact


def _origin(dataset: Any, source: Path) -> dict[str, Any]:
    """Where the images came from, without naming this machine's folders."""
    if dataset.generate is not None:
        return {"kind": "generated"}
    if (source / EXTRACTED).exists():
        return {"kind": "archives", "sha256": read_json(source / EXTRACTED)["archives"]}
    return {"kind": "folder"}
