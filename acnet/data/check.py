"""Check a complete or partial dataset on disk: counts, pairs, sizes, modes, ids, class frequencies."""

import contextlib
import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acnet.data import check_coding, classes, readers
from acnet.data.images import UNREADABLE
from acnet.data.pair import Pair, SplitMissing
from acnet.data.pool import Pool
from acnet.data.prepare import TOLERANCE, load_counted
from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.progress import Progress, some

MANY = 100  # images whose class frequencies are like those of the whole split
_SHOWN = 20  # lines of one kind in the text; the JSON has them all


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
    ignored: int | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is missing or wrong."""
        return not self.missing and not self.problems

    def lines(self, split: str) -> list[str]:
        """The report as text."""
        state = f"{self.absent} missing, {len(self.problems)} wrong"
        if self.good:
            state = "good" if self.listed else "not here, and not needed to train"
        count = f"{self.complete} complete of {self.listed} listed, {self.expected} expected"
        lines = [f"  {split}: {count}: {state}"]
        for what, entries in (("missing", self.missing), ("wrong", self.problems), ("note", self.notes)):
            lines += [f"    {what}: {entry}" for entry in entries[:_SHOWN]]
            if len(entries) > _SHOWN:
                lines.append(f"    {what}: and {len(entries) - _SHOWN} more (--json FILE lists all)")
        if self.modes:
            modes = ", ".join(f"{mode} {count}" for mode, count in self.modes.items())
            lines.append(f"    modes: {modes}; sizes: {some([f'{size} {n}' for size, n in self.sizes.items()])}")
        total = sum(self.histogram.values()) if self.histogram else 0
        if total:
            shares = ", ".join(f"{name} {100 * n / total:.1f} %" for name, n in Counter(self.histogram).most_common(5))
            lines.append(f"    pixels: {shares}; ignored {100 * self.ignored / (total + self.ignored):.1f} %")
        return lines


def text(title: str, splits: dict[str, SplitReport]) -> str:
    """The reports of all splits as text."""
    lines = [title, *(line for split, found in splits.items() for line in found.lines(split))]
    return "\n".join(lines).encode(errors="backslashreplace").decode()  # a folder's name need not be UTF-8


def write(path: Path, name: str, splits: dict[str, SplitReport]) -> None:
    """The reports of all splits as JSON."""
    values = {split: dataclasses.asdict(found) | {"good": found.good} for split, found in splits.items()}
    write_json(path, {"dataset": name, "splits": values})


@dataclasses.dataclass(frozen=True)
class Record:
    """The class shares by split of a copy known to be right, and the file that holds them."""

    file: Path
    shares: dict[str, dict[str, float]]


def read_record(params: Path, data: Path, name: str, dataset: Any) -> Record | None:
    """The record in params/, else that of the first right copy here, if any; one of other classes is none."""
    files = [folder / "histograms" / f"{name}.json" for folder in (params, data)]
    found = [Record(file, read_json(file)) for file in files if file.exists()]
    names = {*classes.class_table(dataset).names}
    return next((one for one in found if all(shares.keys() == names for shares in one.shares.values())), None)


def write_record(folder: Path, name: str, counted: dict[str, tuple[int, dict[str, int] | None]]) -> bool:
    """Keep the class shares of a right copy, from (images, pixels by class) of each split.

    Splits of fewer than MANY images are not kept; returns whether there was any other.
    """
    shares = {
        split: {name: round(count / max(1, sum(found.values())), 6) for name, count in found.items()}
        for split, (images, found) in counted.items()
        if found and images >= MANY
    }
    if shares:
        write_json(folder / "histograms" / f"{name}.json", shares)
    return bool(shares)


def check(name: str, dataset: Any, source: Path, threads: int, record: Record | None = None) -> dict[str, SplitReport]:
    """Read every image and label under `source`; a report for each split, whatever is wrong.

    A split that is not in `record` is compared with its `train`, for a shift of the ids only. Images that occur in an
    earlier split too, or under two names, are noted.
    """
    seen: dict[str | bytes, tuple[str, str]] = {}
    reports = {}
    with Pool(threads) as pool:
        for split, expected in dataset.splits.items():
            report = reports[split] = SplitReport(expected)
            pairs = _list(report, dataset.reader, source, split)
            jobs = [(dataset.reader, dataset.classes, pair) for pair in pairs]
            found = _read(f"check {name} {split}", report, jobs, pool)
            report.notes += _duplicates(split, found, seen)
            if readers.labelled(dataset.reader, split) and report.complete:
                _count(report, classes.class_table(dataset), source, split, found, record)
    return reports


def _list(report: SplitReport, reader: str, source: Path, split: str) -> list[Pair]:
    """Note what is missing; the complete pairs of a split."""
    labelled, expected = readers.labelled(reader, split), report.expected
    try:
        listing = readers.listing(reader, source, split)
    except SplitMissing as error:
        (report.missing if labelled else report.notes).append(str(error))
        report.absent = expected
        return []
    except AcnetError as error:
        report.problems.append(str(error))
        return []
    report.listed = len(listing.pairs)
    incomplete = {pair.image: problem for pair, problem in listing.incomplete()}
    report.missing += incomplete.values()
    report.absent = len(incomplete)
    report.problems += listing.repeated()
    if report.listed != expected:
        counted = labelled and abs(report.listed - expected) > TOLERANCE * expected
        wrong = report.missing if report.listed < expected else report.problems
        (wrong if counted else report.notes).append(f"{_images(report.listed)} instead of {expected}")
        report.absent += counted * max(0, expected - report.listed)
    return [pair for pair in listing.pairs if pair.image not in incomplete]


@dataclasses.dataclass(frozen=True)
class _Found:
    """One pair that was read: a hash of its pixels and the pixels of each label value (256,), or the problem."""

    name: str
    mode: str
    size: str
    content: bytes = b""
    counts: np.ndarray | None = None
    problem: str = ""


def _read(label: str, report: SplitReport, jobs: list[tuple[str, int, Pair]], pool: Pool) -> list[_Found]:
    """Do `check_one` for each of `jobs` and note modes, sizes and problems; what could be read, by name."""
    progress, found = Progress(label, len(jobs), "images"), []
    for one in pool.run(check_one, jobs):
        found.append(one)
        progress.advance()
    if jobs:
        progress.finish()
    found.sort(key=lambda one: one.name)
    report.problems += [one.problem for one in found if one.problem]
    report.modes = dict(sorted(Counter(one.mode for one in found).items()))
    if wide := sum(count for mode, count in report.modes.items() if mode.startswith("I")):
        report.notes.append(f"16-bit images: {wide}; only the upper 8 bits of each value are used")
    report.sizes = dict(Counter(one.size for one in found).most_common())
    good = [one for one in found if not one.problem]
    report.complete = len(good)
    return good


def check_one(reader: str, number: int, pair: Pair) -> _Found:
    """Read one pair of a dataset with that `number` of classes."""
    mode = size = "unreadable"
    try:
        with contextlib.suppress(*UNREADABLE), Image.open(pair.image) as image:
            mode, size = image.mode, f"{image.width}x{image.height}"
        pixels, _, counts = load_counted(reader, number, pair)
    except (AcnetError, OSError) as error:
        return _Found(pair.name, mode, size, problem=str(error))
    content = hashlib.sha256(np.ascontiguousarray(pixels)).digest()
    return _Found(pair.name, mode, size, content, counts)


def _duplicates(split: str, found: list[_Found], seen: dict[str | bytes, tuple[str, str]]) -> list[str]:
    """Notes on images of `split` whose pixels or name were `seen` before, in (split, name); adds these images to it."""
    notes: dict[str, list[str]] = {}
    for one in found:
        kinds = {one.content: "the same pixels as images of", one.name: "the name, but other pixels, of images of"}
        for key, what in kinds.items():
            where, other = seen.setdefault(key, (split, one.name))
            if (where, other) != (split, one.name):
                name = one.name if one.name == other else f"{one.name} ({other} there)"
                notes.setdefault(f"{what} {where}", []).append(name)
                break
    return [f"{_images(len(names))} with {what}: {some(names)}" for what, names in notes.items()]


def _count(
    report: SplitReport, table: classes.Classes, source: Path, split: str, found: list[_Found], record: Record | None
) -> None:
    """Add up the classes of all labels and note what they say about the coding."""
    total = sum(one.counts for one in found)
    report.histogram = {n: int(c) for n, c in zip(table.names, total, strict=False)}
    report.ignored = int(total[classes.IGNORE])
    by_image = ((one.name, one.counts) for one in found)
    report.problems += judge(table, source, split, report.complete, report.histogram, by_image, record)
    never = [name for name, count in report.histogram.items() if not count]
    if never and report.complete >= min(report.expected, MANY):
        report.notes.append(f"{len(never)} classes never occur: {', '.join(never[:10])}")


def judge(
    table: classes.Classes, source: Path, split: str, images: int, histogram: dict[str, int],
    by_image: Iterable[tuple[str, np.ndarray]], record: Record | None,
) -> list[str]:  # fmt: skip
    """What the classes of a split of so many images, and the label counts of each, say against their coding."""
    order = check_coding.VocOrder(table.reader, source, split)
    for name, counts in by_image:
        order.add(name, counts)
    recorded = record.shares if record else {}
    whole = split in recorded and images >= MANY
    found = check_coding.suspicions(table, histogram, recorded.get(split, recorded.get("train")), whole)
    if recorded and any(histogram.values()):
        found = [f"{line}; compared with {record.file} (if this copy is right, move that file away)" for line in found]
    return order.suspicions() + found


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
