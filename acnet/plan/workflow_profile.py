"""What a workflow profile says of a cluster: only the settings that a plan depends on."""

import dataclasses
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.schema import nearest

FOLDER = Path("workflow/profiles")


@dataclasses.dataclass(frozen=True)
class Profile:
    """Jobs at once (None: as many as cores allow), retries, a limit on GPUs, and a runtime of trainings (minutes)."""

    name: str
    jobs: int | None
    retries: int | None
    gpus: int | None
    runtime: int | None


def load_profile(name: str, folder: Path = FOLDER) -> Profile:
    """Read {folder}/{name}/config.yaml; AcnetError for one that is not there."""
    known = sorted(path.parent.name for path in folder.glob("*/config.yaml"))
    if name not in known:
        raise AcnetError(f"profile '{name}': {folder} has no such folder{nearest(name, known)}")
    where = folder / name / "config.yaml"
    settings = read_yaml(where) or {}
    limits = settings.get("resources", {})
    if isinstance(limits, list):  # Snakemake takes gpu=4 as well as gpu: 4
        limits = dict(str(entry).split("=", 1) for entry in limits)
    found = {
        "jobs": settings.get("jobs"),
        "retries": settings.get("retries"),
        "resources.gpu": limits.get("gpu"),
        "set-resources.train.runtime": settings.get("set-resources", {}).get("train", {}).get("runtime"),
    }
    for key, value in found.items():
        if value is not None and not str(value).isdecimal():
            raise AcnetError(f"{where}: {key}: expected a whole number, got {value!r}")
    return Profile(name, *(None if value is None else int(value) for value in found.values()))
