"""What the jobs of a campaign cost: training steps, floating-point operations, seconds, bytes of a checkpoint."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from acnet.data.store import Store
from acnet.data.transforms import scaled_size
from acnet.errors import AcnetError
from acnet.evaluate.windows import corners
from acnet.params.campaign import Campaign
from acnet.params.datasets import Dataset
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.params.schema import among
from acnet.plan.jobs import Job
from acnet.plan.measure import FORWARD, arithmetic, kind_of, seconds_per_flop
from acnet.progress import Progress

START = 5.0  # seconds until a job has loaded torch and its data


@dataclasses.dataclass(frozen=True)
class RunCost:
    """Of one run with one seed: training steps, images, FLOPs, bytes of its checkpoint."""

    steps: int
    images: int
    flops: float
    checkpoint: int


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The jobs with FLOPs and seconds (START, and more if the speed is known), and the cost of each run by name.

    `timed` says whether the speed is known; `device` is where it was measured, None if it was not.
    """

    jobs: dict[str, Job]
    runs: dict[str, RunCost]
    timed: bool
    device: str | None


def run_cost(campaign: Campaign, name: str) -> RunCost:
    """The cost of training the run `name`."""
    run = campaign.resolve(name, campaign.scale.seeds[0])
    steps = training_steps(campaign, run)
    per_image, checkpoint = arithmetic(kind_of(run))
    return RunCost(steps, steps * run.train.batch, per_image * steps * run.train.batch, checkpoint)


def training_steps(campaign: Campaign, run: Run) -> int:
    """How many steps a run takes."""
    splits = campaign.datasets[run.dataset].splits
    count = sum(splits[split] for split in run.train_splits)
    return run.train.epochs * max(1, count // run.train.batch)


def estimate(
    campaign: Campaign, jobs: Mapping[str, Job], data_root: Path, steps: int, tflops: Sequence[float] = ()
) -> Estimate:
    """The cost of `jobs`, at the speed of so many `steps` measured here (0: at no speed).

    `tflops` states the speed instead: TFLOP/s in training, and in evaluation if it differs. Evaluated images are
    taken to be as large as those under `data_root`.
    """
    trained = {job.run for job in jobs.values() if job.rule == "train"}
    runs, speeds, device = {}, {}, None
    progress = Progress("count operations and measure steps", len(trained), "networks")
    for run in filter(trained.__contains__, campaign.runs):
        runs[run] = run_cost(campaign, run)
        if tflops:
            speeds[run] = 1e-12 / tflops[0], 1e-12 / tflops[-1]
        elif steps:
            *speeds[run], device = seconds_per_flop(kind_of(campaign.resolve(run, campaign.scale.seeds[0])), steps)
        progress.advance(note=run)
    progress.finish()

    def costed(job: Job) -> Job:
        flops = 0.0
        training, evaluation = speeds.get(job.run, (0.0, 0.0))
        if job.rule == "train":
            flops = runs[job.run].flops
        elif job.protocol:
            flops = _evaluation_flops(campaign, job.run, job.protocol, data_root)
        per_flop = training if job.rule == "train" else evaluation
        return dataclasses.replace(job, flops=flops, seconds=START + flops * per_flop)

    return Estimate({name: costed(job) for name, job in jobs.items()}, runs, bool(speeds), device)


def _evaluation_flops(campaign: Campaign, name: str, protocol: str, data_root: Path) -> float:
    run = campaign.resolve(name, campaign.scale.seeds[0])
    dataset, scored = campaign.datasets[run.dataset], campaign.protocol(protocol, name)
    split = among(scored.split or run.evaluate_split, dataset.splits, f"protocol '{protocol}': split")
    pixels = _pixels(scored, _size(run, split, dataset, data_root))
    return arithmetic(kind_of(run))[0] * FORWARD * pixels / math.prod(run.train.crop) * dataset.splits[split]


def _pixels(protocol: Protocol, size: tuple[int, int]) -> float:
    """How many pixels pass through the network for one image of this size."""
    total = 0
    for scale in protocol.scales:
        height, width = scaled_size(size, protocol.base_size, scale, protocol.base_side)
        window = tuple(protocol.window or (height, width))
        total += len(corners(height, width, window, protocol.stride)) * math.prod(window)
    return total * (2 if protocol.flip else 1)


def _size(run: Run, split: str, dataset: Dataset, data_root: Path) -> tuple[int, int]:
    """The size of an evaluated image: of the first prepared one, else as datasets.yaml says, else the crop's."""
    try:
        return Store(data_root / run.dataset, split).sizes[0]
    except AcnetError:
        return tuple(dataset.generate.size if dataset.generate else dataset.image_size or run.train.crop)
