"""What made a run: commit, source hash, versions, device, time."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acnet.params.run import Run

PACKAGE = Path(__file__).resolve().parent
# The modules that can change what a run computes; the report, for one, cannot. Nor can what makes raw data: a run
# depends on the images themselves. The others watch a training, or draw what a trained network sees.
_SOURCES = ("data", "model", "train", "evaluate", "checkpoint.py", "device.py")
_WITHOUT = (
    "data/generate", "train/deadline.py", "train/live.py", "train/lock.py", "train/turn.py",
    "evaluate/pictures.py", "evaluate/predict.py", "evaluate/sheet.py",
)  # fmt: skip
_WATCHED = ("acnet", "workflow", "params", "Snakefile")


def source_hash() -> str:
    """The first 16 digits of a SHA-256 over every module that can change a run's result."""
    digest = hashlib.sha256()
    for entry in _SOURCES:
        path = PACKAGE / entry
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = file.relative_to(PACKAGE).as_posix()
            if not name.startswith(_WITHOUT):
                digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def commit() -> tuple[str | None, bool | None]:
    """The commit of the project's checkout and whether code or parameters differ from it; None without Git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", *_WATCHED))
    except (OSError, subprocess.SubprocessError):
        return None, None


def changed_since(made: Mapping[str, Any], now: Run, code: str) -> list[str]:
    """What has changed since a run's provenance was `made`: of ["code", "parameters"].

    `now` is the run as params/ describe it today, `code` today's source hash. A run with changes is stale: the same
    command might give other numbers today.
    """
    changes = {"code": made.get("source_hash") != code, "parameters": made.get("params_hash") != now.digest()}
    return [what for what, changed in changes.items() if changed]


def now() -> str:
    """The time, UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute."""
    import numpy
    import PIL
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
    }


def provenance(run: Run, **more: Any) -> dict[str, Any]:
    """Everything that provenance.json says of `run`; `more` is added as it is."""
    head, dirty = commit()
    return {
        "commit": head,
        "dirty": dirty,
        "source_hash": source_hash(),
        "versions": versions(),
        "threads": run.train.threads,
        "precision": run.train.precision,
        "initial_weights": run.init.name,
        **more,
    }
