"""What a scale will cost: runs, images, floating-point operations, hours, disk."""

import dataclasses
import functools
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import canonical
from acnet.params.campaign import Campaign
from acnet.params.protocols import Protocol
from acnet.params.tables import load_tables
from acnet.progress import Progress

_AFFORDABLE = {"cpu": 3e11, "cuda": 1e14}  # FLOPs of a step that is measured; larger ones are scaled from smaller


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


def planned_runs(campaign: Campaign, targets: Sequence[str] | None) -> list[str]:
    """The runs to train for `targets` (all that the scale has, if None), each after the one it is fine-tuned from."""
    have = campaign.scale.tables + campaign.scale.figures
    for target in targets or []:
        if target not in have:
            raise AcnetError(f"target '{target}': scale '{campaign.scale_name}' has {', '.join(have)}")
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
    progress = Progress("calibrate", len(runs), "runs") if calibrate else None
    start = _start_seconds() if calibrate else 0.0
    entries, device = [], None
    for run in runs:
        params = campaign.resolve(run, campaign.scale.seeds[0]).values
        per_flop = None
        if calibrate:
            per_flop, device = _seconds_per_flop(_kind(params), calibrate)
            progress.advance()
        entries.append(_planned(campaign, run, params, per_flop, start, data_root))
    return entries, device


def _planned(
    campaign: Campaign, run: str, params: Mapping[str, Any], per_flop: float | None, start: float, data_root: Path
) -> Planned:
    train, dataset = params["train"], campaign.datasets[params["dataset"]]
    count = sum(dataset.splits[split] for split in params["train_splits"])
    steps = train["epochs"] * max(1, count // train["batch"])
    per_image, disk = _arithmetic(_kind(params))
    flops = per_image * steps * train["batch"]
    seconds = evaluation = None
    forward = 0.0
    if names := protocols_of(campaign, run):
        pixels = sum(_pixels(campaign.protocol(name, run), _size(params, dataset, data_root)) for name in names)
        # A third of a training step is its forward pass.
        forward = per_image / 3 * pixels / (train["crop"][0] * train["crop"][1]) * dataset.splits[dataset.evaluate]
    if per_flop is not None:
        seconds = start + flops * per_flop
        evaluation = start * len(names) + forward * per_flop
    counted = (len(campaign.scale.seeds), steps, steps * train["batch"], flops + forward)
    return Planned(run, *counted, seconds, evaluation, disk, forward)


def _pixels(protocol: Protocol, size: tuple[int, int]) -> float:
    """How many pixels pass through the network for one image of this size."""
    from acnet.data.transforms import scaled_size
    from acnet.evaluate.windows import corners

    total = 0
    for scale in protocol.scales:
        height, width = scaled_size(size, protocol.base_size, scale)
        window = tuple(protocol.window or (height, width))
        total += len(corners(height, width, window, protocol.stride)) * window[0] * window[1]
    return total * (2 if protocol.mirror else 1)


def _size(params: Mapping[str, Any], dataset, data_root: Path) -> tuple[int, int]:
    """The size of an evaluated image: of the first prepared one, else the generated size, else the crop's."""
    from acnet.data.store import Store

    try:
        return Store(data_root / params["dataset"], params["evaluate_split"]).sizes[0]
    except AcnetError:
        return tuple(dataset.generate.size if dataset.generate else params["train"]["crop"])


def _kind(params: Mapping[str, Any]) -> str:
    """All that the cost of a step depends on, as a text, so that runs of one kind share a measurement."""
    free = {"epochs": 1, "learning_rate": 1e-4, "new_layers_factor": 1.0, "scale_range": None, "base_size": None}
    model, train = {**params["model"], "delta": 5.0}, {**params["train"], **free}
    return canonical({"model": model, "classes": params["classes"], "train": train})


@functools.cache
def _arithmetic(kind: str) -> tuple[int, int]:
    """FLOPs of a training step for one image, and bytes of a checkpoint."""
    import torch

    from acnet.model import build_network
    from acnet.watch.measure import flops_per_image

    params = json.loads(kind)
    with torch.device("meta"):
        network = build_network({**params["model"], "classes": params["classes"]})
    return flops_per_image(params), 4 * sum(tensor.numel() for tensor in network.state_dict().values())


@functools.cache
def _seconds_per_flop(kind: str, steps: int) -> tuple[float, str]:
    """Measured on random images; where a whole step is too much for this device, with fewer and smaller ones."""
    import torch

    from acnet.watch.measure import flops_per_image, measure

    params = json.loads(kind)
    train = params["train"]
    limit = _AFFORDABLE["cuda" if torch.cuda.is_available() else "cpu"]
    while flops_per_image(params) * train["batch"] > limit and (train["batch"] > 2 or min(train["crop"]) > 64):
        if train["batch"] > 2:
            train.update(batch=max(2, train["batch"] // 2), accumulate=1)
        else:
            train["crop"] = [max(64, side * 3 // 4) for side in train["crop"]]
    cost = measure(params, None, steps, warm_up=1)
    return cost.seconds / (cost.flops_per_image * cost.images), cost.device


def _start_seconds() -> float:
    """How long a process takes until it can compute: what every job pays once."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import acnet.train.loop"], check=True)
    return time.perf_counter() - began
