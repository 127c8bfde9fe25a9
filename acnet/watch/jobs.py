"""The jobs of a whole campaign and what each waits for: the workflow's rules, without Snakemake."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from acnet.params.campaign import Campaign
from acnet.params.gated import PROTOCOL, adaptive_runs
from acnet.params.resources import Resources
from acnet.params.tables import load_tables
from acnet.watch.plan import protocols_of


@dataclasses.dataclass(frozen=True)
class Job:
    """One job: its `rule`, seconds, GPUs, and the jobs it waits for by name. A `local` one runs on the login node."""

    name: str
    rule: str
    seconds: float
    gpus: int = 0
    after: tuple[str, ...] = ()
    local: bool = False


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds on one GPU: of a run's training, and of measuring it by a protocol; every job `starts` first."""

    training: Callable[[str], float]
    measuring: Callable[[str, str], float]
    starts: float


def campaign_jobs(campaign: Campaign, needs: Resources, times: Times, runs: Sequence[str]) -> dict[str, Job]:
    """Every job of `runs` and their data, by name, each after those it waits for; the drawing of tables left out."""
    jobs: dict[str, Job] = {}
    for job in (*_data(campaign, needs, runs), *_runs(campaign, needs, times, runs)):
        jobs[job.name] = job
    return jobs


def _data(campaign: Campaign, needs: Resources, runs: Sequence[str]) -> Iterator[Job]:
    resolved = [campaign.resolve(run, campaign.scale.seeds[0]) for run in runs]
    for name in dict.fromkeys(values.dataset for values in resolved):
        dataset = campaign.datasets[name]
        before: tuple[str, ...] = ()
        if dataset.generate:
            yield Job(f"generate {name}", "generate", 60.0 * needs.generate.runtime / _SPARE)
            before = (f"generate {name}",)
        elif dataset.archives and Path(dataset.folders[0]).parts[-1] == name:
            yield Job(f"fetch {name}", "fetch", 0.0, local=True)
            yield Job(f"extract {name}", "extract", 60.0 * needs.prepare.runtime / _SPARE, after=(f"fetch {name}",))
            before = (f"extract {name}",)
        yield Job(f"prepare {name}", "prepare", 60.0 * needs.prepare.runtime / _SPARE, after=before)
    for file in dict.fromkeys(values.init.file for values in resolved if values.init.kind == "url"):
        yield Job(f"fetch_weights {Path(file).name}", "fetch_weights", 0.0, local=True)


_SPARE = 4  # runtimes of jobs that nobody has measured are asked for generously


def _runs(campaign: Campaign, needs: Resources, times: Times, runs: Sequence[str]) -> Iterator[Job]:
    tables = load_tables(campaign.params)
    shown = {run for name in campaign.scale.figures for run in tables.figure(name).example_runs()}
    gated = set(adaptive_runs(campaign, tables, runs))
    one = min(campaign.scale.gpus, 1)
    for run in runs:
        for seed in campaign.scale.seeds:
            values = campaign.resolve(run, seed)
            spread = needs.spread_of(run, campaign.scale.gpus)
            yield Job(f"resolve {run}/{seed}", "resolve", 0.0, local=True)
            after = [f"resolve {run}/{seed}", f"prepare {values.dataset}"]
            if values.init.kind == "run":
                after.append(f"train {values.init.run}/{seed}")
            if values.init.kind == "url":
                after.append(f"fetch_weights {Path(values.init.file).name}")
            seconds = times.starts + times.training(run) / spread.processes
            yield Job(f"train {run}/{seed}", "train", seconds, spread.gpus, tuple(after))
            trained = (f"train {run}/{seed}", f"prepare {values.dataset}")
            protocols = protocols_of(campaign, run)
            # The job that measures the gates also measures their protocol.
            alone = [name for name in protocols if run not in gated or name != PROTOCOL]
            asked = [(f"evaluate {run}/{seed} {name}", "evaluate", name) for name in alone]
            asked += [(f"examples {run}/{seed}", "examples", "")] * (run in shown)
            asked += [(f"gates {run}/{seed}", "gates", PROTOCOL)] * (run in gated)
            for name, rule, protocol in asked:
                took = times.measuring(run, protocol) if protocol else 0.0
                yield Job(name, rule, times.starts + took, one, trained)
