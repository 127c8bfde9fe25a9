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
    retries: int
    gpus: int | None
    runtime: int | None


def load_profile(name: str, folder: Path = FOLDER) -> Profile:
    """Read {folder}/{name}/config.yaml; AcnetError for one that is not there."""
    known = sorted(path.parent.name for path in folder.glob("*/config.yaml"))
    if name not in known:
        raise AcnetError(f"profile '{name}': {folder} has no such folder{nearest(name, known)}")
    settings = read_yaml(folder / name / "config.yaml") or {}
    limits = settings.get("resources", {})
    if isinstance(limits, list):  # Snakemake takes gpu=4 as well as gpu: 4
        limits = dict(entry.split("=", 1) for entry in limits)
    gpus, train = limits.get("gpu"), settings.get("set-resources", {}).get("train", {})
    return Profile(name, settings.get("jobs"), settings.get("retries", 0), gpus and int(gpus), train.get("runtime"))
