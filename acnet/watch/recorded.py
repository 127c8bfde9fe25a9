"""What benchmarks/scale_runs.py has measured of each run of a scale, device by device."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acnet.files import read_json


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Hours that the trainings of all asked runs take on `device`; from steps of which every run took `steps` or more.

    `whole`: with the recipe's own crops and global batches, not smaller ones.
    """

    device: str
    hours: float
    steps: int
    whole: bool


def record_file(project: Path, scale: str) -> Path:
    """Where the steps of a scale's runs are recorded."""
    return project / "benchmarks" / "results" / f"{scale}.json"


def recorded(project: Path, scale: str, runs: Sequence[str], seeds: int) -> list[Recorded]:
    """For each device that has stepped every one of `runs`: how long they take there."""
    file = record_file(project, scale)
    devices: dict[str, dict[str, Any]] = read_json(file) if file.exists() else {}
    return [
        Recorded(
            device,
            seeds * sum(found[run]["hours"] for run in runs),
            min(found[run]["steps"] for run in runs),
            all(found[run]["whole"] for run in runs),
        )
        for device, found in devices.items()
        if set(runs) <= set(found)
    ]
