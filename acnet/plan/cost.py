"""What the jobs of a campaign cost: training steps, floating-point operations, seconds, bytes of a checkpoint."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_json
from acnet.params.campaign import Campaign
from acnet.params.datasets import Dataset
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.plan.calibration import arithmetic, kind_of, seconds_per_flop, start_seconds
from acnet.plan.jobs import Job
from acnet.progress import Progress


@dataclasses.dataclass(frozen=True)
class RunCost:
    """Of one run with one seed: training steps, images, FLOPs, bytes of its checkpoint, and its `kind`."""

    steps: int
    images: int
    flops: float
    checkpoint: int
    kind: Run


def run_cost(campaign: Campaign, run: str) -> RunCost:
    """The cost of training `run`."""
    resolved = campaign.resolve(run, campaign.scale.seeds[0])
    steps, kind = training_steps(campaign, resolved), kind_of(resolved)
    images = steps * resolved.train.batch
    per_image, checkpoint = arithmetic(kind)
    return RunCost(steps, images, per_image * images, checkpoint, kind)


def training_steps(campaign: Campaign, run: Run) -> int:
    """How many steps a run takes."""
    splits = campaign.datasets[run.dataset].splits
    count = sum(splits[split] for split in run.train_splits)
    return run.train.epochs * max(1, count // run.train.batch)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The jobs with FLOPs and seconds, and the cost of each run in the order of runs.yaml.

    `per_flop` is seconds by run, {} where nothing says so; `device` is where they were measured, None if they were not.
    """

    jobs: dict[str, Job]
    runs: dict[str, RunCost]
    per_flop: dict[str, float]
    device: str | None

    def seconds(self, kind: str | None = None) -> float:
        """Of all jobs of a kind (None: of all) on one device, one after another."""
        return sum(job.seconds for job in self.jobs.values() if kind in (job.kind, None))


def estimate(
    campaign: Campaign, jobs: Mapping[str, Job], data_root: Path, steps: int, tflops: float | None
) -> Estimate:
    """The cost of `jobs`, at a speed of `tflops` TFLOP/s or else of so many `steps` measured here (0: at no speed).

    What is measured includes the start of every job. Evaluated images are taken to be as large as those under
    `data_root`.
    """
    trained = {job.run for job in jobs.values() if job.kind == "training"}
    progress, runs = Progress("counting operations", len(trained), "networks"), {}
    for run in filter(trained.__contains__, campaign.runs):
        runs[run] = run_cost(campaign, run)
        progress.advance(note=run)
    progress.finish()
    per_flop, device = dict.fromkeys(runs, 1e-12 / tflops) if tflops else {}, None
    if steps and not tflops:
        progress = Progress("measuring steps", len(runs), "networks")
        for run, cost in runs.items():
            per_flop[run], device = seconds_per_flop(cost.kind, steps)
            progress.advance(note=run)
        progress.finish()

    def costed(job: Job) -> Job:
        flops = 0.0
        if job.kind == "training":
            flops = runs[job.run].flops
        elif job.kind == "evaluation":
            flops = _evaluation_flops(campaign, job.run, job.protocol, data_root)
        start = start_seconds(_STARTS.get(job.rule, "acnet.report.figures")) if device else 0.0
        return dataclasses.replace(job, flops=flops, seconds=start + flops * per_flop.get(job.run, 0.0))

    return Estimate({name: costed(job) for name, job in jobs.items()}, runs, per_flop, device)


# By rule, what its job imports before it can work; all other rules draw. torch's optimisers load torch._dynamo, which
# takes as long again as torch itself.
_STARTS = {
    "train": "acnet.train.train, torch._dynamo",
    **dict.fromkeys(("evaluate", "gates", "examples"), "acnet.evaluate.evaluate"),
    **dict.fromkeys(("generate", "extract", "prepare"), "acnet.data.prepare"),
    **dict.fromkeys(("resolve", "fetch", "fetch_weights"), "acnet.cli"),
}


def _evaluation_flops(campaign: Campaign, name: str, protocol: str, data_root: Path) -> float:
    run = campaign.resolve(name, campaign.scale.seeds[0])
    dataset = campaign.datasets[run.dataset]
    pixels = _pixels(campaign.protocol(protocol, name), _size(run, dataset, data_root))
    # A third of a training step is its forward pass.
    return arithmetic(kind_of(run))[0] / 3 * pixels / math.prod(run.train.crop) * dataset.splits[dataset.evaluate]


def _pixels(protocol: Protocol, size: tuple[int, int]) -> float:
    """How many pixels pass through the network for one image of this size."""
    from acnet.data.transforms import scaled_size
    from acnet.evaluate.windows import corners

    total = 0
    for scale in protocol.scales:
        height, width = scaled_size(size, protocol.base_size, scale, protocol.base_side)
        window = tuple(protocol.window or (height, width))
        total += len(corners(height, width, window, protocol.stride)) * window[0] * window[1]
    return total * (2 if protocol.flip else 1)


def _size(run: Run, dataset: Dataset, data_root: Path) -> tuple[int, int]:
    """The size of an evaluated image: of the first prepared one, else the generated size, else the crop's."""
    from acnet.data.store import Store

    try:
        return Store(data_root / run.dataset, run.evaluate_split).sizes[0]
    except AcnetError:
        return tuple(dataset.generate.size if dataset.generate else run.train.crop)


def record_file(project: Path, scale: str) -> Path:
    """Where benchmarks/scale_runs.py records the steps of a scale's runs."""
    return project / "benchmarks" / "results" / f"{scale}.json"


def recorded(project: Path, scale: str, runs: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By device that has stepped every one of `runs`, what is recorded of each: hours, steps, whole, ..."""
    file = record_file(project, scale)
    devices = read_json(file) if file.exists() else {}
    return {device: [found[run] for run in runs] for device, found in devices.items() if set(runs) <= set(found)}
