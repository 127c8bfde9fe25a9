"""What benchmarks/scale_runs.py has measured of each run of a scale, device by device."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acnet.files import read_json


def record_file(project: Path, scale: str) -> Path:
    """Where the steps of a scale's runs are recorded."""
    return project / "benchmarks" / "results" / f"{scale}.json"


def recorded(project: Path, scale: str, runs: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By device that has stepped every one of `runs`, what is recorded of each: hours, steps, whole, ..."""
    file = record_file(project, scale)
    devices = read_json(file) if file.exists() else {}
    return {device: [found[run] for run in runs] for device, found in devices.items() if set(runs) <= set(found)}
