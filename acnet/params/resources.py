"""The resources that the jobs of each rule request at a scale."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.run import Run
from acnet.params.scales import load_scale, scale_names
from acnet.params.schema import build, limited, mapping, read_mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Need:
    """The request of one job: minutes, MB of memory and of disk, and threads if not those of the run."""

    runtime: int = limited(low=1)
    mem_mb: int = limited(low=1)
    disk_mb: int = limited(low=1)
    threads: int = limited(1, low=1)

    def memory(self, attempt: int) -> int:
        """MB for the given attempt, from 1 on: half as much more after a failure, at most twice as much."""
        return int(self.mem_mb * min(1 + 0.5 * (attempt - 1), 2))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread:
    """The GPUs of one training, all nodes together, and the nodes: not what a run is, only how it is made."""

    gpus: int = limited(low=0)
    nodes: int = limited(1, low=1)

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, if the nodes cannot have as many GPUs each."""
        if self.processes % self.nodes:
            raise AcnetError(f"{where}: {self.gpus} GPUs cannot be split over {self.nodes} nodes")

    @property
    def processes(self) -> int:
        """One for each GPU; one on a CPU."""
        return max(self.gpus, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """The needs of each rule that runs as a job of its own, the hours of the longest training run, and the runs that
    take several GPUs: by run, or `all`.
    """

    longest: float = limited(low=0)
    spread: dict[str, Spread] = dataclasses.field(default_factory=dict)
    generate: Need
    prepare: Need
    train: Need
    evaluate: Need
    examples: Need

    def spread_of(self, run: str, gpus: int) -> Spread:
        """How a run is trained: its own entry, else that of `all`, else on the scale's `gpus`."""
        return self.spread.get(run) or self.spread.get("all") or Spread(gpus=gpus)


def load_resources(params: Path, scale: str) -> Resources:
    """Read {params}/resources.yaml for a scale: its needs, else those of the scale that it is `like`, else `common`.

    AcnetError for a mistake in the file.
    """
    file = f"{params}/resources.yaml"
    data = read_mapping(file, ("common", "scales"))
    scales = mapping(data.get("scales", {}), f"{file}: scales", scale_names(params))
    build(Resources, data.get("common"), f"{file}: common")
    needs, name = {}, scale
    while name:
        needs = {**mapping(scales.get(name, {}), f"{file}: scales.{name}"), **needs}
        name = load_scale(params, name).like
    return build(Resources, {**data["common"], **needs}, f"{file}: scales.{scale}")


def check_spread(resources: Resources, runs: Mapping[str, Run], where: str) -> None:
    """AcnetError, opening with `where`, for a spread of none of `runs` (by name), or over which one cannot be split."""
    mapping(resources.spread, where, [*runs, "all"])
    for name, run in runs.items():
        check_split(run, resources.spread_of(name, 0).processes, where)


def check_split(run: Run, processes: int, where: str) -> None:
    """AcnetError, opening with `where`, if the batch of a run cannot be split over that many processes."""
    train = run.train
    if train.batch % (processes * train.accumulate):
        pieces = f" and {train.accumulate} micro-batches (train.accumulate)" if train.accumulate > 1 else ""
        raise AcnetError(
            f"{where}: the batch of run '{run.name}', {train.batch}, cannot be split over {processes} "
            f"processes{pieces}; choose a number that divides it"
        )


def uncovered(hours: float, runtime: float, retries: int) -> str | None:
    """A warning if (1 + `retries`) x `runtime` minutes do not cover a training of `hours`, else None."""
    if (1 + retries) * runtime >= 60 * hours:
        return None
    return (
        f"the longest training run takes some {hours:g} hours, more than (1 + {retries} retries) x {runtime:g} "
        f"minutes: set retries to at least {math.ceil(60 * hours / runtime) - 1} in the profile, or train.runtime to "
        f"{math.ceil(60 * hours / (1 + retries))} minutes in params/resources.yaml; otherwise it stops there and "
        "resumes when snakemake is started again"
    )
