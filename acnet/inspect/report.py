"""A check's result as text to read, as JSON, and as shares to compare later copies with."""

import dataclasses
from pathlib import Path
from typing import Any

from acnet.files import read_json, write_json
from acnet.inspect.check import SplitReport

_SHOWN = 20  # lines of one kind; the JSON has them all


def text(name: str, title: str, splits: dict[str, SplitReport]) -> str:
    """The report as lines."""
    lines = [f"{name}: {title}"]
    for split, found in splits.items():
        state = "good" if found.good else f"{len(found.missing)} missing, {len(found.problems)} wrong"
        lines.append(
            f"  {split}: {found.complete} complete of {found.listed} listed, {found.expected} expected: {state}"
        )
        for what, entries in (("missing", found.missing), ("wrong", found.problems), ("note", found.notes)):
            lines += [f"    {what}: {entry}" for entry in entries[:_SHOWN]]
            if len(entries) > _SHOWN:
                lines.append(f"    {what}: and {len(entries) - _SHOWN} more (--json FILE lists all)")
        if found.modes:
            sizes = [f"{size} {count}" for size, count in found.sizes.items()]
            more = f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else ""
            lines.append(f"    modes: {_counted(found.modes)}; sizes: {', '.join(sizes[:3])}{more}")
        if found.histogram and any(found.histogram.values()):
            lines.append(f"    pixels: {_frequent(found)}")
    return "\n".join(lines)


def write(path: Path, name: str, splits: dict[str, SplitReport]) -> None:
    """The report as JSON, complete."""
    values = {split: dataclasses.asdict(found) | {"good": found.good} for split, found in splits.items()}
    write_json(path, {"dataset": name, "splits": values})


def recorded_file(params: Path, name: str) -> Path:
    """Where a right copy's class shares stand."""
    return params / "histograms" / f"{name}.json"


def read_recorded(params: Path, name: str) -> dict[str, Any] | None:
    """The class shares by split of a right copy; None where nobody has recorded any."""
    path = recorded_file(params, name)
    return read_json(path) if path.exists() else None


def record(params: Path, name: str, splits: dict[str, SplitReport]) -> None:
    """Write the class shares of a copy that is right."""
    shares = {}
    for split, found in splits.items():
        if found.histogram:
            total = sum(found.histogram.values())
            shares[split] = {n: round(count / total, 6) for n, count in found.histogram.items()}
    write_json(recorded_file(params, name), shares)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in counts.items())


def _frequent(found: SplitReport) -> str:
    total = sum(found.histogram.values())
    first = sorted(found.histogram.items(), key=lambda item: -item[1])[:5]
    shares = ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in first)
    return f"{shares}; void {100 * found.void / (total + found.void):.1f} %"
