"""What a scale will cost: runs, images, floating-point operations, hours, disk."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.params.scales import misspelt
from acnet.params.tables import load_tables
from acnet.progress import Progress
from acnet.watch.calibration import arithmetic, kind, seconds_per_flop, start_seconds


@dataclasses.dataclass(frozen=True)
class Planned:
    """The cost of one run, for each of its `seeds`: training steps and images, FLOPs of training and evaluation,

    seconds of training and evaluation (None: not calibrated), bytes of its checkpoint, the part of the FLOPs that is
    evaluation.
    """

    run: str
    seeds: int
    steps: int
    images: int
    flops: float
    seconds: float | None
    evaluation: float | None
    disk: int
    evaluation_flops: float

    def at(self, tflops: float) -> "Planned":
        """The same with the times of a machine that sustains `tflops` TFLOP/s."""
        training, evaluation = self.flops - self.evaluation_flops, self.evaluation_flops
        speed = 1e12 * tflops
        return dataclasses.replace(self, seconds=training / speed, evaluation=evaluation / speed)


def planned_runs(campaign: Campaign, targets: Sequence[str] | None) -> list[str]:
    """The runs to train for `targets` (all that the scale has, if None), each after the one it is fine-tuned from."""
    have = campaign.scale.tables + campaign.scale.figures
    for target in targets or []:
        if target not in have:
            raise AcnetError(
                f"target '{target}': scale '{campaign.scale_name}' has {', '.join(have)}{misspelt(target, have)}"
            )
    needed = load_tables(campaign.params).trained(targets or have)
    needed += [base for run in needed if (base := campaign.runs[run].fine_tune) is not None]
    order = [run for run in campaign.runs if run in needed]
    return sorted(order, key=lambda run: campaign.runs[run].fine_tune is not None)


def protocols_of(campaign: Campaign, run: str) -> list[str]:
    """The protocols that the scale's tables and figures ask of a run, sorted."""
    tables = load_tables(campaign.params)
    sources = {source for name in campaign.scale.tables for source in tables.table(name).sources()}
    sources |= {source for name in campaign.scale.figures for source in tables.figure(name).metrics_sources()}
    return sorted(protocol for name, protocol in sources if name == run)


def estimate(
    campaign: Campaign, runs: Sequence[str], calibrate: int, data_root: Path
) -> tuple[list[Planned], str | None]:
    """The cost of each run, and the device it was measured on: `calibrate` steps for each kind of run, 0 for none."""
    # torch's optimisers load torch._dynamo, which takes as long again as torch itself.
    progress = Progress("calibrate", len(runs), "runs") if calibrate else None
    start = (0.0, 0.0)
    if calibrate:
        start = start_seconds("acnet.train.loop, torch._dynamo"), start_seconds("acnet.evaluate.evaluate")
    entries, device = [], None
    for run in (campaign.resolve(name, campaign.scale.seeds[0]) for name in runs):
        per_flop = None
        if calibrate:
            per_flop, device = seconds_per_flop(kind(run), calibrate)
            progress.advance()
        entries.append(_planned(campaign, run, per_flop, start, data_root))
    return entries, device


def _planned(
    campaign: Campaign,
    run: Run,
    per_flop: float | None,
    start: tuple[float, float],
    data_root: Path,
) -> Planned:
    train, dataset = run.train, campaign.datasets[run.dataset]
    steps = training_steps(campaign, run)
    per_image, disk = arithmetic(kind(run))
    flops = per_image * steps * train.batch
    seconds = evaluation = None
    forward = 0.0
    if names := protocols_of(campaign, run.name):
        pixels = sum(_pixels(campaign.protocol(name, run.name), _size(run, dataset, data_root)) for name in names)
        # A third of a training step is its forward pass.
        forward = per_image / 3 * pixels / (train.crop[0] * train.crop[1]) * dataset.splits[dataset.evaluate]
    if per_flop is not None:
        seconds = start[0] + flops * per_flop
        evaluation = start[1] * len(names) + forward * per_flop
    counted = (len(campaign.scale.seeds), steps, steps * train.batch, flops + forward)
    return Planned(run.name, *counted, seconds, evaluation, disk, forward)


def training_steps(campaign: Campaign, run: Run) -> int:
    """How many steps a run takes."""
    splits = campaign.datasets[run.dataset].splits
    count = sum(splits[split] for split in run.train_splits)
    return run.train.epochs * max(1, count // run.train.batch)


def _pixels(protocol: Protocol, size: tuple[int, int]) -> float:
    """How many pixels pass through the network for one image of this size."""
    from acnet.data.transforms import scaled_size
    from acnet.evaluate.windows import corners

    total = 0
    for scale in protocol.scales:
        height, width = scaled_size(size, protocol.base_size, scale, protocol.base_side)
        window = tuple(protocol.window or (height, width))
        total += len(corners(height, width, window, protocol.stride)) * window[0] * window[1]
    return total * (2 if protocol.mirror else 1)


def _size(run: Run, dataset, data_root: Path) -> tuple[int, int]:
    """The size of an evaluated image: of the first prepared one, else the generated size, else the crop's."""
    from acnet.data.store import Store

    try:
        return Store(data_root / run.dataset, run.evaluate_split).sizes[0]
    except AcnetError:
        return tuple(dataset.generate.size if dataset.generate else run.train.crop)


def other_seconds(campaign: Campaign) -> float:
    """What the jobs beside training and evaluation take: data, resolving, report; each little more than its start."""
    drawn = len(campaign.scale.tables) + len(campaign.scale.figures) + len(("curves", "claims", "page"))
    generated = sum(2 for dataset in campaign.datasets.values() if dataset.generate)  # made, and prepared
    resolved = len(planned_runs(campaign, None)) * len(campaign.scale.seeds)
    report, data, light = map(start_seconds, ("acnet.report.figures", "acnet.data.prepare", "acnet.cli"))
    return drawn * report + generated * data + resolved * light
