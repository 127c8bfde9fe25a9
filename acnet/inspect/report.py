"""A check's result as text to read, as JSON, and as shares to compare later copies with."""

import dataclasses
from pathlib import Path

from acnet.files import read_json, write_json
from acnet.inspect import check
from acnet.inspect.check import Record, SplitReport
from acnet.progress import some

_SHOWN = 20  # lines of one kind; the JSON has them all


def text(name: str, title: str, splits: dict[str, SplitReport]) -> str:
    """The report as lines."""
    lines = [f"{name}: {title}"]
    for split, found in splits.items():
        state = f"{found.absent} missing, {len(found.problems)} wrong"
        if found.good:
            state = "good" if found.listed else "not here, and not needed to train"
        lines.append(
            f"  {split}: {found.complete} complete of {found.listed} listed, {found.expected} expected: {state}"
        )
        for what, entries in (("missing", found.missing), ("wrong", found.problems), ("note", found.notes)):
            lines += [f"    {what}: {entry}" for entry in entries[:_SHOWN]]
            if len(entries) > _SHOWN:
                lines.append(f"    {what}: and {len(entries) - _SHOWN} more (--json FILE lists all)")
        if found.modes:
            sizes = [f"{size} {count}" for size, count in found.sizes.items()]
            lines.append(f"    modes: {_counted(found.modes)}; sizes: {some(sizes)}")
        if found.histogram and any(found.histogram.values()):
            lines.append(f"    pixels: {_frequent(found)}")
    return "\n".join(lines).encode(errors="backslashreplace").decode()  # a folder's name need not be UTF-8


def write(path: Path, name: str, splits: dict[str, SplitReport]) -> None:
    """The report as JSON, complete."""
    values = {split: dataclasses.asdict(found) | {"good": found.good} for split, found in splits.items()}
    write_json(path, {"dataset": name, "splits": values})


def _file(folder: Path, name: str) -> Path:
    return folder / "histograms" / f"{name}.json"


def read_record(params: Path, data: Path, name: str) -> Record | None:
    """The class shares by split of a right copy: those in params/, else those of the first sound copy here, if any."""
    path = next((f for f in (_file(params, name), _file(data, name)) if f.exists()), None)
    return Record(path, read_json(path)) if path else None


def record(folder: Path, name: str, counted: dict[str, tuple[int, dict[str, int] | None]]) -> bool:
    """Write the class shares of a copy that is right, from (images, pixels by class) of each split.

    Splits of too few images to be compared are left out; whether there was any other.
    """
    shares = {
        split: {name: round(count / max(1, sum(found.values())), 6) for name, count in found.items()}
        for split, (images, found) in counted.items()
        if found and images >= check.MANY
    }
    if shares:
        write_json(_file(folder, name), shares)
    return bool(shares)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in counts.items())


def _frequent(found: SplitReport) -> str:
    total = sum(found.histogram.values())
    first = sorted(found.histogram.items(), key=lambda item: -item[1])[:5]
    shares = ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in first)
    return f"{shares}; void {100 * found.void / (total + found.void):.1f} %"
