"""Check a dataset as it lies on disk, whole or in part: counts, pairs, sizes, modes, ids, class frequencies."""

import dataclasses
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acnet.data import classes, readers
from acnet.data.pair import Pair, SplitMissing
from acnet.data.pool import Pool
from acnet.data.prepare import TOLERANCE, frequencies
from acnet.errors import AcnetError
from acnet.inspect import coding
from acnet.progress import Progress, some

MANY = 100  # images whose class frequencies are like those of the whole split
Seen = dict[str | bytes, tuple[str, str]]  # (split, name) of the first image with these pixels or this name


@dataclasses.dataclass
class SplitReport:
    """What was found of one split. `histogram` counts pixels by class; `problems` are one line each.

    `absent` counts the images without a file or a label; `missing` names them.
    """

    expected: int
    listed: int = 0
    complete: int = 0
    absent: int = 0
    missing: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    modes: dict[str, int] = dataclasses.field(default_factory=dict)
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    histogram: dict[str, int] | None = None
    void: int | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is missing or wrong."""
        return not self.missing and not self.problems


@dataclasses.dataclass(frozen=True)
class Record:
    """The class shares by split of a copy known to be right, and the file that holds them."""

    file: Path
    shares: dict[str, dict[str, float]]


def check(name: str, dataset: Any, source: Path, threads: int, record: Record | None = None) -> dict[str, SplitReport]:
    """Read every image and label under `source`; a report for each split. Nothing on disk stops it.

    A split that `record` lacks is compared with its `train`, for a shift of the ids only. Images that an earlier split
    shows too, or that have two names, are noted.
    """
    seen: Seen = {}
    with Pool(threads) as pool:
        return {
            split: _check_split(f"{name} {split}", dataset, source, split, expected, pool, record, seen)
            for split, expected in dataset.splits.items()
        }


def _check_split(
    label: str, dataset: Any, source: Path, split: str, expected: int, pool: Pool, record: Record | None, seen: Seen
) -> SplitReport:
    report = SplitReport(expected)
    labelled = readers.labelled(dataset.reader, split)
    try:
        listing = readers.listing(dataset.reader, source, split)
    except SplitMissing as error:
        (report.missing if labelled else report.notes).append(str(error))
        report.absent = expected
        return report
    except AcnetError as error:
        report.problems.append(str(error))
        return report
    report.listed = len(listing.pairs)
    lacking = {pair.image: lack for pair, lack in listing.lacking()}
    report.missing += lacking.values()
    report.absent = len(lacking)
    report.problems += listing.repeated()
    if report.listed != expected:
        counted = labelled and abs(report.listed - expected) > TOLERANCE * expected
        wrong = report.missing if report.listed < expected else report.problems
        (wrong if counted else report.notes).append(f"{_images(report.listed)} instead of {expected}")
        report.absent += counted * max(0, expected - report.listed)
    pairs = [pair for pair in listing.pairs if pair.image not in lacking]
    _read(label, dataset.reader, pairs, source, split, report, pool, seen)
    if labelled and report.histogram is not None:
        report.problems += judge(dataset.reader, split, report.histogram, record, report.complete)
        absent = [n for n, count in report.histogram.items() if not count]
        if absent and report.complete >= min(expected, MANY):
            report.notes.append(f"{len(absent)} classes never occur: {', '.join(absent[:10])}")
    return report


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def judge(reader: str, split: str, histogram: dict[str, int], record: Record | None, images: int) -> list[str]:
    """What the class frequencies of so many images of a split say against their coding (see coding.suspicions)."""
    recorded = record.shares if record else {}
    telling = split in recorded and images >= MANY
    found = coding.suspicions(reader, histogram, recorded.get(split, recorded.get("train")), telling)
    if not recorded or not any(histogram.values()):
        return found
    return [f"{line}; compared with {record.file} (if this copy is right, move that file away)" for line in found]


def _read(
    label: str, reader: str, pairs: list[Pair], source: Path, split: str, report: SplitReport, pool: Pool, seen: Seen
) -> None:
    modes, sizes, problems, contents = Counter(), Counter(), [], []
    total = np.zeros(256, np.int64)
    order = coding.VocOrder.of(reader, source, split)
    progress = Progress(f"check {label}", len(pairs), "images")
    for name, mode, size, content, counts, problem in pool.run(check_one, ((reader, pair) for pair in pairs)):
        modes[mode] += 1
        sizes[size] += 1
        progress.advance()
        if problem:
            problems.append((name, problem))
            continue
        contents.append((name, content))
        if counts is not None:
            total += counts
            order.add(name, counts)
    progress.finish()
    report.complete = len(pairs) - len(problems)
    report.problems += [problem for _, problem in sorted(problems)] + order.suspicions()
    report.notes += _duplicates(split, sorted(contents), seen)
    report.modes, report.sizes = dict(sorted(modes.items())), dict(sizes.most_common())
    if readers.labelled(reader, split) and report.complete:
        names = classes.load(reader).names
        report.histogram = {n: int(c) for n, c in zip(names, total, strict=False)}
        report.void = int(total[classes.VOID])


def _duplicates(split: str, contents: list[tuple[str, bytes]], seen: Seen) -> list[str]:
    """Notes on images of `split` whose pixels or name were `seen` before; adds these images to it."""
    notes: dict[str, list[str]] = {}
    for name, content in contents:
        for key, what in ((content, "the same pixels as images of"), (name, "the name, not the pixels, of images of")):
            where, other = seen.setdefault(key, (split, name))
            if (where, other) != (split, name):
                notes.setdefault(f"{what} {where}", []).append(name if name == other else f"{name} ({other} there)")
                break
    return [f"{_images(len(names))} with {what}: {some(names)}" for what, names in notes.items()]


def check_one(reader: str, pair: Pair) -> tuple[str, str, str, bytes, np.ndarray | None, str | None]:
    """(name, image mode, size, hash of its pixels, pixels of each label value or None, problem or None) of one pair."""
    mode, size = "unreadable", "unreadable"
    try:
        with Image.open(pair.image) as image:
            mode, size = image.mode, f"{image.width}x{image.height}"
        pixels, truth = readers.load_pair(reader, pair)
    except (AcnetError, OSError) as error:
        return pair.name, mode, size, b"", None, str(error)
    content = hashlib.sha256(np.ascontiguousarray(pixels)).digest()
    return pair.name, mode, size, content, None if truth is None else frequencies(truth), None
