"""What a workflow profile says of a cluster: only the settings that a plan depends on."""

import dataclasses
import re
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.strict import nearest

FOLDER = Path("workflow/profiles")


@dataclasses.dataclass(frozen=True)
class Profile:
    """Jobs at once (None: as many as cores allow), retries, a limit on GPUs, and a runtime of trainings (minutes)."""

    name: str
    jobs: int | None
    retries: int
    gpus: int | None
    runtime: int | None


def load_profile(name: str, folder: Path = FOLDER) -> Profile:
    """Read {folder}/{name}/config.yaml; AcnetError for one that is not there."""
    known = sorted(path.parent.name for path in folder.glob("*/config.yaml"))
    if name not in known:
        raise AcnetError(f"profile '{name}': {folder} has no such folder{nearest(name, known)}")
    where = folder / name / "config.yaml"
    settings = read_yaml(where) or {}
    gpus = _named(settings.get("resources", []), "gpu")
    runtime = settings.get("set-resources", {}).get("train", {}).get("runtime")
    return Profile(
        name,
        _whole(settings.get("jobs"), f"{where}: jobs"),
        _whole(settings.get("retries"), f"{where}: retries") or 0,
        _whole(gpus, f"{where}: resources"),
        _whole(runtime, f"{where}: set-resources.train.runtime"),
    )


def _named(entries: Any, name: str) -> Any:
    """The value of `name` in a list of name=value, or in a mapping, as Snakemake takes both."""
    if isinstance(entries, dict):
        return entries.get(name)
    found = [re.fullmatch(rf"{name}=(.+)", str(entry)) for entry in entries]
    return next((match[1] for match in found if match), None)


def _whole(value: Any, where: str) -> int | None:
    if value is None:
        return None
    if not str(value).isdecimal():
        raise AcnetError(f"{where}: expected a whole number, got {value!r}")
    return int(value)
