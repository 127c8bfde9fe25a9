"""What results/, data/ and logs/ hold that neither a table nor a training will ask for again."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from acnet.errors import AcnetError
from acnet.jobs.run_lock import live_holder
from acnet.params.campaign import Campaign
from acnet.params.scales import scale_names

KINDS = {
    "aside": "training states that were set aside",
    "halves": "partial files of a killed process",
    "runs": "results of runs that are not in runs.yaml",
    "data": "prepared datasets that are not in datasets.yaml",
    "logs": "logs of finished trainings, and of other jobs that wrote nothing for a day",
    "copies": "copies left by a killed dvc exp run --temp or --queue",
    "rows": "rows of acnet record on commits that no branch or tag points to",
    "kept": "old rows kept by acnet record --keep",
    "cache": "files of DVC's cache that no commit, tag, branch or experiment names",
}
# What took hours to make, and may only be out of sight: another branch, or another commit's params/.
NAMED = ("runs", "data", "kept")
USUAL = tuple(kind for kind in KINDS if kind not in NAMED)
# A file that nobody writes any more, its writer killed or done: no job is silent for so long (seconds).
_ABANDONED = 24 * 3600


@dataclasses.dataclass(frozen=True)
class Litter:
    """Something that may go: its kind, what it is called, why, its bytes, and how to remove it."""

    kind: str
    name: str
    why: str
    size: int
    remove: Callable[[], None]


def of_files(name: str, kind: str, why: str, *paths: Path) -> Litter:
    """Files and folders that go together."""
    return Litter(kind, name, why, sum(map(bytes_of, paths)), lambda: [_remove(path) for path in paths])


def bytes_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; a link counts as nothing."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def aside(results: Path) -> Iterator[Litter]:
    """Training states that were set aside, damaged or of other parameters, where nobody trains."""
    for folder in sorted(results.glob("*/*/seed*/resume")):
        states = sorted(folder.glob("*.aside"))
        if states and live_holder(folder) is None:
            why = "states of other parameters, or damaged ones, that no training resumes from"
            yield of_files(str(folder), "aside", f"{len(states)} {why}", *states)


def halves(*roots: Path) -> Iterator[Litter]:
    """Half-written files of processes that were killed."""
    for root in roots:
        for file in sorted(root.rglob(".*.part")):
            if _is_abandoned(file):
                yield of_files(str(file), "halves", "half-written by a process that was killed", file)


def runs(params: Path, results: Path) -> Iterator[Litter]:
    """Results of runs that runs.yaml no longer has."""
    for scale in scale_names(params):
        known = Campaign(params, scale).runs
        for folder in sorted((results / scale).glob("*")):
            seeds = list(folder.glob("seed*"))
            if seeds and folder.name not in known and all(live_holder(seed / "resume") is None for seed in seeds):
                yield of_files(str(folder), "runs", f"{params}/runs.yaml has no run '{folder.name}'", folder)


def data(params: Path, root: Path) -> Iterator[Litter]:
    """Prepared datasets that datasets.yaml no longer has."""
    known = Campaign(params, scale_names(params)[0]).datasets
    for file in sorted(root.glob("*/manifest.json")):
        folder = file.parent
        if folder.name not in known:
            yield of_files(str(folder), "data", f"{params}/datasets.yaml has no dataset '{folder.name}'", folder)


def logs(results: Path, root: Path, snakemake: Path) -> Iterator[Litter]:
    """Logs of trainings that ended well, of other jobs once they are silent, and Snakemake's own but the newest."""
    trainings = sorted((root / "train").glob("*/*/seed*.log"))
    ended = [log for log in trainings if _ended_well(results / log.parts[-3] / log.parts[-2] / log.stem)]
    others = [log for log in sorted(root.rglob("*.log")) if log.relative_to(root).parts[0] != "train"]
    ended += [log for log in others if _is_abandoned(log)]
    if ended:
        yield of_files(str(root), "logs", f"those of {len(ended)} jobs that have ended", *ended)
    own = sorted((snakemake / "log").glob("*.log"))[:-1]
    if own:
        yield of_files(str(snakemake / "log"), "logs", f"{len(own)} of Snakemake's own, all but the newest", *own)


def _ended_well(run: Path) -> bool:
    """Whether a training has left its results and nobody trains the run again."""
    return (run / "provenance.json").exists() and live_holder(run / "resume") is None


def _is_abandoned(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime > _ABANDONED
    except FileNotFoundError:  # renamed or removed this moment
        return False


def _remove(path: Path) -> None:
    """Remove a file or folder; one that is gone already is no mistake."""
    try:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    except OSError as error:
        raise AcnetError(f"{path}: cannot be removed ({error.strerror})") from error
