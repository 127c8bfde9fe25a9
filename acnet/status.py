"""Where each run of a scale stands."""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from acnet.files import read_json
from acnet.jobs.run_lock import Holder, live_holder
from acnet.jobs.status_files import RESTORED, read_journal, read_progress
from acnet.params.campaign import Campaign
from acnet.params.run import run_folder
from acnet.progress import duration
from acnet.provenance import changed_since, source_hash

State = Literal["waiting", "running", "stopped", "failed", "done", "stale"]


@dataclasses.dataclass(frozen=True)
class Status:
    """A run with a seed, its state, and a line of detail."""

    run: str
    seed: int
    state: State
    detail: str = ""


def campaign_status(campaign: Campaign, results: Path, logs: Path) -> list[Status]:
    """Every run that the scale's tables and figures need, or that has results, in the order of runs.yaml."""
    needed = campaign.tables.trained(campaign.scale.tables + campaign.scale.figures)
    own = {run for run in campaign.runs_with_data if (results / campaign.scale_name / run).is_dir()}
    found = []
    for run in campaign.runs:
        if run in needed or run in own:
            found += [run_status(campaign, run, seed, results, logs) for seed in campaign.seeds(run)]
    return found


def counted(found: Iterable[Status]) -> str:
    """How many runs are in each state, such as "3 done, 1 waiting"."""
    return ", ".join(f"{n} {state}" for state, n in Counter(entry.state for entry in found).items())


def is_restored(campaign: Campaign, run: str, seed: int, results: Path) -> bool:
    """Whether a run was restored from its record, has no checkpoint, and has the current parameters."""
    folder = run_folder(results, campaign.scale_name, run, seed)
    if (folder / "checkpoint.pt").exists() or not all((folder / it).exists() for it in (RESTORED, "provenance.json")):
        return False
    # Not params.yaml, which is written anew before a training.
    return read_json(folder / "provenance.json").get("params_hash") == campaign.resolve(run, seed).digest()


def run_status(campaign: Campaign, run: str, seed: int, results: Path, logs: Path) -> Status:
    """The status of one run: from its lock first, then what it left."""
    folder = run_folder(results, campaign.scale_name, run, seed)
    trained = (folder / "checkpoint.pt").exists() and (folder / "provenance.json").exists()
    if trained and live_holder(folder / "resume") is None:
        facts = read_json(folder / "provenance.json", "seconds", "device")
        changes = changed_since(facts, campaign.resolve(run, seed), source_hash())
        if "parameters" in changes:
            return Status(run, seed, "waiting", "its parameters have changed since it was trained")
        if "code" in changes:
            return Status(run, seed, "stale", "code that can change its result has changed since it was trained")
        return Status(run, seed, "done", f"trained in {duration(facts['seconds'])} on {facts['device']}")
    if is_restored(campaign, run, seed, results):
        return Status(run, seed, "done", "restored from its record, without checkpoint")
    return unfinished_status(run, seed, folder, logs / "train" / campaign.scale_name / run / f"seed{seed}.log")


def unfinished_status(run: str, seed: int, folder: Path, log: Path) -> Status:
    """The status of a run without a result: is it being trained, and if not, why did that end?"""
    resume = folder / "resume"
    if (holder := live_holder(resume)) is not None:
        return Status(run, seed, "running", _running(resume, holder))
    lines = read_journal(resume)
    if lines and " stopped " in lines[-1]:
        return Status(run, seed, "stopped", lines[-1].split(maxsplit=2)[-1])
    last = _last_line(log)
    if lines or (last and " finished after " not in last):  # else its results were removed
        return Status(run, seed, "failed", last or f"killed after: {lines[-1].split(maxsplit=2)[-1]}")
    return Status(run, seed, "waiting")


def _running(resume: Path, holder: Holder) -> str:
    facts = read_progress(resume)
    if facts is None:
        return f"starting; {holder}"
    parts = [f"step {facts['step']}/{facts['steps']}"]
    if facts["loss"] is not None:
        parts.append(f"loss {facts['loss']:.3f}")
    parts += [f"lr {facts['learning_rate']:.2g}", f"{facts['steps_per_second']:.2f} steps/s"]
    if facts["seconds_left"] is not None:
        parts.append(f"{duration(facts['seconds_left'])} left")
    return ", ".join(parts) + f"; {holder}"


def _last_line(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return text.rstrip().rpartition("\n")[2].strip()
