"""What Snakemake says of a campaign: its jobs and their dependencies, from a dry run; a workflow profile's limits."""

import dataclasses
import logging
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.campaign import GATES_PROTOCOL
from acnet.params.schema import key_path, mapping, nearest

PROFILES = Path("workflow/profiles")


@dataclasses.dataclass(frozen=True)
class Job:
    """One job: what it runs, the GPUs and minutes that its rule asks for, the names of the jobs it waits for.

    A job without a `runtime` is local: on a cluster it runs on the login node. `flops` and `seconds` are estimates,
    filled in by those who make them.
    """

    name: str
    rule: str
    run: str | None = None
    seed: int | None = None
    protocol: str | None = None
    command: str = ""
    gpus: int = 0
    runtime: float | None = None
    after: tuple[str, ...] = ()
    flops: float = 0.0
    seconds: float = 0.0


def campaign_jobs(project: Path, scale: str, targets: Sequence[str] = ()) -> dict[str, Job]:
    """Every job of `targets` (none: everything) by name, whether done or not, each after its dependencies.

    Restored records have no jobs, since they are not trained again.
    AcnetError with Snakemake's message if it refuses, and if it is not installed.
    """
    events = sorted(_dry_run(project, scale, targets), key=lambda event: event.jobid)  # printed in any order
    producers = {file: event for event in events for file in event.output}
    jobs: dict[str, Job] = {}

    def visit(event: Any) -> str:
        name = _name(event.rule_name, event.wildcards)
        if name not in jobs:
            after = tuple(dict.fromkeys(visit(producers[file]) for file in event.input if file in producers))
            of, log = event.wildcards, f" 2> {event.log[0]}" if event.log else ""
            jobs[name] = Job(
                name,
                event.rule_name,
                of.get("run"),
                int(of["seed"]) if "seed" in of else None,
                GATES_PROTOCOL if event.rule_name == "gates" else of.get("protocol"),
                event.shellcmd.removesuffix(log),
                event.resources.get("gpu", 0),
                event.resources.get("runtime"),
                after,
            )
        return name

    for event in events:
        if event.shellcmd:  # else a target, which only names files
            visit(event)
    return jobs


def trained_seeds(jobs: Iterable[Job]) -> dict[str, list[int]]:
    """The seeds that `jobs` train each run with, in ascending order."""
    found: dict[str, list[int]] = {}
    for job in jobs:
        if job.rule == "train":
            found.setdefault(job.run, []).append(job.seed)
    return {run: sorted(seeds) for run, seeds in found.items()}


def _name(rule: str, wildcards: Mapping[str, str]) -> str:
    rest = {key: value for key, value in wildcards.items() if key != "scale"}
    run = [f"{rest.pop('run')}/{rest.pop('seed')}"] if "run" in rest else []
    return " ".join([rule, *run, *rest.values()])


def _dry_run(project: Path, scale: str, targets: Sequence[str]) -> list[logging.LogRecord]:
    """The job events that Snakemake logs; its summaries and graphs tell neither resources nor wildcards."""
    try:
        from snakemake.api import SnakemakeApi
        from snakemake.exceptions import RuleException, WorkflowError
        from snakemake.logging import logger
        from snakemake.settings import types
        from snakemake_interface_logger_plugins.common import LogEvent
    except ImportError:
        raise AcnetError("a plan asks Snakemake for the jobs, and it is not installed here") from None
    if not (project / "Snakefile").exists():
        raise AcnetError(f"{project}/Snakefile: not found; the jobs are those of the project's workflow")
    events: list[logging.LogRecord] = []
    collector = logging.Handler()
    collector.emit = events.append
    collector.addFilter(lambda record: getattr(record, "event", None) == LogEvent.JOB_INFO)
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        with SnakemakeApi(types.OutputSettings(dryrun=True)) as api:
            logger.handlers[:] = [collector]
            workflow = api.workflow(
                types.ResourceSettings(cores=os.cpu_count()),
                types.ConfigSettings(config={"scale": scale}),
                snakefile=project / "Snakefile",
                workdir=project,
            )
            dag = workflow.dag(types.DAGSettings(targets=frozenset(targets), forceall=True))
            dag.execute_workflow("dryrun", execution_settings=types.ExecutionSettings(lock=False))
    except (WorkflowError, RuleException, SystemExit) as error:
        raise AcnetError(f"Snakemake refuses: {error}") from error
    finally:
        signal.signal(signal.SIGTERM, terminate)  # Snakemake takes it for itself
    return events


@dataclasses.dataclass(frozen=True)
class Profile:
    """The settings of a workflow profile that a plan depends on.

    Jobs at once (None: as many as cores allow), retries, a limit on GPUs, and a runtime of training jobs (minutes).
    """

    name: str
    jobs: int | None
    retries: int
    gpus: int | None
    runtime: int | None


def load_profile(name: str, folder: Path = PROFILES) -> Profile:
    """Read {folder}/{name}/config.yaml; AcnetError for one that is not there, or with a value of another type."""
    known = sorted(path.parent.name for path in folder.glob("*/config.yaml"))
    if name not in known:
        raise AcnetError(f"profile '{name}': {folder} has no such folder{nearest(name, known)}")
    file = f"{folder}/{name}/config.yaml"
    settings = mapping(read_yaml(file) or {}, file)
    if isinstance(settings.get("resources"), list):  # Snakemake takes gpu=4 as well as gpu: 4
        settings["resources"] = dict(str(entry).partition("=")[::2] for entry in settings["resources"])

    def number(path: str) -> int | None:
        value, where = settings, file
        for key in path.split("."):
            value, where = mapping({} if value is None else value, where).get(key), key_path(where, key)
        if value is not None and not str(value).isdigit():
            raise AcnetError(f"{where}: a plan needs a whole number, got {value!r}")
        return None if value is None else int(value)

    numbers = number("jobs"), number("retries") or 0, number("resources.gpu"), number("set-resources.train.runtime")
    return Profile(name, *numbers)
