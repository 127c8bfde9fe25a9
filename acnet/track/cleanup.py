"""Files in data/, results/, logs/ and DVC's cache that no table, training or experiment needs any more."""

import dataclasses
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from acnet.jobs.run_lock import live_holder
from acnet.params.schema import among
from acnet.track.repository import Repository, Unavailable

KINDS = {
    "aside": "training states that were set aside",
    "partial": "partial files of a killed process",
    "logs": "logs of finished training jobs, and of other jobs that wrote nothing for a day",
    "cache": "files of DVC's cache that neither the work tree nor a branch's tip, a tag or an experiment names",
}
_DAY = 24 * 3600  # no job is silent for so long
# A file is added to the cache before the pointer that names it is written.
_YOUNG = 3600


@dataclasses.dataclass(frozen=True)
class Litter:
    """Files and folders that can be removed together: their kind, what they are called, why they can go."""

    kind: str
    name: str
    why: str
    paths: list[Path]

    @property
    def size(self) -> int:
        """Bytes; a link counts as nothing."""
        files = (file for path in self.paths for file in (path.rglob("*") if path.is_dir() else [path]))
        return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())

    def remove(self) -> None:
        """Remove the files and folders."""
        for path in self.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def find_litter(kinds: Iterable[str], root: Path, *, data: Path, results: Path, logs: Path) -> Iterator[Litter]:
    """Yield what can be removed of the given kinds (none: all), in the order of KINDS.

    Raises AcnetError for an unknown kind; Unavailable for the cache where Git or DVC is missing.
    """
    kinds = [among(kind, KINDS, "KIND") for kind in kinds] or KINDS
    if "aside" in kinds:
        for folder in sorted(results.glob("*/*/seed*/resume")):
            states = sorted(folder.glob("*.aside"))
            if states and live_holder(folder) is None:
                yield Litter("aside", str(folder), f"{len(states)} states, damaged or of other parameters", states)
    if "partial" in kinds:
        for file in sorted(results.rglob(".*.part")) + sorted(data.rglob(".*.part")):
            if _is_abandoned(file):
                yield Litter("partial", str(file), "left by a killed process", [file])
    if "logs" in kinds:
        trainings = sorted(logs.glob("train/*/*/seed*.log"))
        others = [log for log in sorted(logs.rglob("*.log")) if log.relative_to(logs).parts[0] != "train"]
        ended = [log for log in trainings if _has_ended(results.joinpath(*log.parts[-3:]))]
        if ended := ended + list(filter(_is_abandoned, others)):
            yield Litter("logs", str(logs), f"logs of {len(ended)} jobs that have ended", ended)
        snakemake = root / ".snakemake/log"
        if own := sorted(snakemake.glob("*.log"))[:-1]:
            yield Litter("logs", str(snakemake), f"{len(own)} logs of Snakemake, all but the newest", own)
    if "cache" in kinds and (unused := _unused(root)):
        yield Litter("cache", "DVC's cache", f"{len(unused)} unreferenced files", unused)


def _has_ended(log: Path) -> bool:
    """Whether a training, by its log's name below results/, has left its results and nobody trains the run again."""
    run = log.with_suffix("")
    return (run / "provenance.json").exists() and live_holder(run / "resume") is None


def _unused(root: Path) -> list[Path]:
    """Files that `dvc gc` would remove, unless they are young or the cache may serve other projects too."""
    root = Repository(root).root
    what = ("--workspace", "--all-branches", "--all-tags", "--all-experiments")
    command = [sys.executable, "-m", "dvc", "gc", *what, "--dry"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"dvc gc: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    listed = [Path(line.removeprefix("Removing ")) for line in done.stdout.splitlines() if line.startswith("Removing ")]
    own = [path for path in listed if path.is_relative_to(root)]
    return [path for path in own if time.time() - path.stat().st_ctime > _YOUNG]


def _is_abandoned(file: Path) -> bool:
    """Whether nobody has written a file for a day."""
    try:
        return time.time() - file.stat().st_mtime > _DAY
    except FileNotFoundError:  # renamed or removed this moment
        return False
