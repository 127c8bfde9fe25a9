"""What each rule's jobs ask of a cluster at a scale."""

import dataclasses
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.scales import scale_names
from acnet.params.strict import build, limited, nearest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Need:
    """Of one job: minutes, and MB of memory and of disk."""

    runtime: int = limited(low=1)
    mem_mb: int = limited(low=1)
    disk_mb: int = limited(low=1)

    def memory(self, attempt: int) -> int:
        """MB for the given attempt, from 1 on: half as much more after a failure, at most twice as much."""
        return int(self.mem_mb * min(1 + 0.5 * (attempt - 1), 2))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """The needs of each rule that runs as a job of its own, and the hours of the longest training."""

    longest: float = limited(low=0)
    generate: Need
    prepare: Need
    train: Need
    evaluate: Need
    examples: Need


@dataclasses.dataclass(frozen=True, kw_only=True)
class _File:
    common: dict[str, Any]
    scales: dict[str, dict[str, Any]]


def load_resources(params: Path, scale: str) -> Resources:
    """Read {params}/resources.yaml for a scale; AcnetError for a mistake in it."""
    where = f"{params}/resources.yaml"
    file = build(_File, read_yaml(params / "resources.yaml"), where)
    known = scale_names(params)
    for name in file.scales:
        if name not in known:
            raise AcnetError(f"{where}: scales: unknown key '{name}'{nearest(name, known)}")
    build(Resources, file.common, f"{where}: common")
    return build(Resources, {**file.common, **file.scales.get(scale, {})}, f"{where}: scales.{scale}")
