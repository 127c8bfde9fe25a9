"""Check a dataset as it lies on disk, whole or in part: counts, pairs, sizes, modes, ids, class frequencies."""

import dataclasses
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
from acnet.progress import Progress

_MANY = 100  # images whose class frequencies are like those of the whole split


@dataclasses.dataclass
class SplitReport:
    """What was found of one split. `histogram` counts pixels by class; `problems` are one line each."""

    expected: int
    listed: int = 0
    complete: int = 0
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


def check(name: str, dataset: Any, source: Path, threads: int, recorded: dict | None = None) -> dict[str, SplitReport]:
    """Read every image and label under `source`; a report for each split. Nothing on disk stops it.

    `recorded` holds class shares by split from a copy known to be right, to compare with; a split that it lacks is
    compared with those of `train`, for a shift of the ids only.
    """
    with Pool(threads) as pool:
        return {
            split: _check_split(f"{name} {split}", dataset, source, split, expected, pool, recorded)
            for split, expected in dataset.splits.items()
        }


def _check_split(
    label: str, dataset: Any, source: Path, split: str, expected: int, pool: Pool, recorded: dict | None
) -> SplitReport:
    report = SplitReport(expected)
    labelled = readers.labelled(dataset.reader, split)
    try:
        listing = readers.listing(dataset.reader, source, split)
    except SplitMissing as error:
        (report.missing if labelled else report.notes).append(str(error))
        return report
    except AcnetError as error:
        report.problems.append(str(error))
        return report
    report.listed = len(listing.pairs)
    lacking = {pair.name: lack for pair, lack in listing.lacking()}
    report.missing += lacking.values()
    if report.listed != expected:
        counted = labelled and abs(report.listed - expected) > TOLERANCE * expected
        (report.missing if counted else report.notes).append(f"{_images(report.listed)} instead of {expected}")
    _read(label, dataset.reader, [p for p in listing.pairs if p.name not in lacking], source, split, report, pool)
    if labelled and report.histogram is not None:
        report.problems += judge(dataset.reader, split, report.histogram, recorded, report.complete)
        absent = [n for n, count in report.histogram.items() if not count]
        if absent and report.complete >= min(expected, _MANY):
            report.notes.append(f"{len(absent)} classes never occur: {', '.join(absent[:10])}")
    return report


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def judge(reader: str, split: str, histogram: dict[str, int], recorded: dict | None, images: int) -> list[str]:
    """What the class frequencies of so many images of a split say against their coding (see coding.suspicions)."""
    recorded = recorded or {}
    telling = split in recorded and images >= _MANY
    return coding.suspicions(reader, histogram, recorded.get(split, recorded.get("train")), telling)


def _read(
    label: str, reader: str, pairs: list[Pair], source: Path, split: str, report: SplitReport, pool: Pool
) -> None:
    modes, sizes, problems = Counter(), Counter(), {}
    total = np.zeros(256, np.int64)
    order = coding.VocOrder.of(reader, source, split)
    progress = Progress(f"check {label}", len(pairs), "images")
    for name, mode, size, counts, problem in pool.run(check_one, ((reader, pair) for pair in pairs)):
        modes[mode] += 1
        sizes[size] += 1
        if problem:
            problems[name] = problem
        elif counts is not None:
            total += counts
            order.add(name, counts)
        progress.advance()
    progress.finish()
    report.complete = len(pairs) - len(problems)
    report.problems += [problems[name] for name in sorted(problems)] + order.suspicions()
    report.modes, report.sizes = dict(sorted(modes.items())), dict(sizes.most_common())
    if readers.labelled(reader, split) and report.complete:
        names = classes.load(reader).names
        report.histogram = {n: int(c) for n, c in zip(names, total, strict=False)}
        report.void = int(total[classes.VOID])


def check_one(reader: str, pair: Pair) -> tuple[str, str, str, np.ndarray | None, str | None]:
    """(name, image mode, size, pixels of each label value or None, what is wrong or None) of one pair."""
    mode, size = "unreadable", "unreadable"
    try:
        with Image.open(pair.image) as image:
            mode, size = image.mode, f"{image.width}x{image.height}"
        _, truth = readers.load_pair(reader, pair)
    except (AcnetError, OSError) as error:
        return pair.name, mode, size, None, str(error)
    return pair.name, mode, size, None if truth is None else frequencies(truth), None
