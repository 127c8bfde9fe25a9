"""A few measured steps, and what they say of a whole training."""

import dataclasses
import functools
import math
import subprocess
import sys
import time

from acnet.params.run import InitialWeights, Run

_AFFORDABLE = {"cpu": 3e11, "cuda": 1e14}  # FLOPs of a step that is measured; larger ones are scaled from smaller


def kind_of(run: Run) -> Run:
    """The run without the parameters that do not change the cost of a step: runs of one kind share a measurement."""
    run = run.with_training(epochs=1, learning_rate=1e-4, new_layers_factor=1.0, scale_range=[1, 1], base_size=None)
    same = {"model": dataclasses.replace(run.model, delta=5.0), "init": InitialWeights(kind="none", name="")}
    bare = {"name": "", "scale": "", "seed": 0, "dataset": "", "train_splits": [], "evaluate_split": ""}
    return dataclasses.replace(run, **same, **bare)


@functools.cache
def arithmetic(kind: Run) -> tuple[int, int]:
    """FLOPs of a training step for one image of this kind, and bytes of a checkpoint."""
    import torch

    from acnet.model import build_network
    from acnet.plan.measure import flops_per_image

    with torch.device("meta"):
        network = build_network(kind.model, kind.classes)
    return flops_per_image(kind), 4 * sum(tensor.numel() for tensor in network.state_dict().values())


@functools.cache
def measured_run(kind: Run) -> Run:
    """A run of the kind; where a whole step is too much for this device, with a smaller batch, then crop."""
    from acnet.device import default_device

    run = kind
    limit = _AFFORDABLE[default_device().type]
    per_pixel = arithmetic(kind)[0] / math.prod(run.train.crop)
    while per_pixel * math.prod(run.train.crop) * run.train.batch > limit:
        if run.train.batch > 2:
            run = run.with_training(batch=max(2, run.train.batch // 2), accumulate=1)
        elif min(run.train.crop) > 64:
            run = run.with_training(crop=[max(64, side * 3 // 4) for side in run.train.crop])
        else:
            break
    return run


@functools.cache
def seconds_per_flop(kind: Run, steps: int) -> tuple[float, str]:
    """Measured on random images, and the device's name."""
    from acnet.plan.measure import measure

    cost = measure(measured_run(kind), None, steps, warm_up=1)
    return cost.seconds / (cost.flops_per_image * cost.images), cost.device


def basis(kind: Run) -> str:
    """How a kind was measured if not as it trains: its smaller batch and crop; empty if it was."""
    train, measured = kind.train, measured_run(kind).train
    if (train.batch, train.crop) == (measured.batch, measured.crop):
        return ""
    return f"batch {measured.batch}, crop {'x'.join(map(str, measured.crop))}"


@functools.cache
def start_seconds(module: str = "acnet.train.train") -> float:
    """How long a process takes until it can work: what every job pays once."""
    began = time.perf_counter()
    # A part that is not installed here costs nothing here.
    subprocess.run([sys.executable, "-c", f"import {module}"], check=False, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
