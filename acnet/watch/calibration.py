"""A few measured steps, and what they say of a whole training."""

import functools
import json
import math
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from acnet.files import canonical

_AFFORDABLE = {"cpu": 3e11, "cuda": 1e14}  # FLOPs of a step that is measured; larger ones are scaled from smaller


def kind(params: Mapping[str, Any]) -> str:
    """All that the cost of a step depends on, as a text, so that runs of one kind share a measurement."""
    free = {"epochs": 1, "learning_rate": 1e-4, "new_layers_factor": 1.0, "scale_range": None, "base_size": None}
    model, train = {**params["model"], "delta": 5.0}, {**params["train"], **free}
    return canonical({"model": model, "classes": params["classes"], "train": train})


@functools.cache
def arithmetic(of: str) -> tuple[int, int]:
    """FLOPs of a training step for one image of this kind, and bytes of a checkpoint."""
    import torch

    from acnet.model import build_network
    from acnet.watch.measure import flops_per_image

    params = json.loads(of)
    with torch.device("meta"):
        network = build_network({**params["model"], "classes": params["classes"]})
    return flops_per_image(params), 4 * sum(tensor.numel() for tensor in network.state_dict().values())


@functools.cache
def measured_params(of: str) -> dict[str, Any]:
    """The kind's parameters; where a whole step is too much for this device, with a smaller batch, then crop."""
    import torch

    params = json.loads(of)
    train = params["train"]
    limit = _AFFORDABLE["cuda" if torch.cuda.is_available() else "cpu"]
    per_pixel = arithmetic(of)[0] / math.prod(train["crop"])
    while per_pixel * math.prod(train["crop"]) * train["batch"] > limit:
        if train["batch"] > 2:
            train.update(batch=max(2, train["batch"] // 2), accumulate=1)
        elif min(train["crop"]) > 64:
            train["crop"] = [max(64, side * 3 // 4) for side in train["crop"]]
        else:
            break
    return params


@functools.cache
def seconds_per_flop(of: str, steps: int) -> tuple[float, str]:
    """Measured on random images, and the device's name."""
    from acnet.watch.measure import measured

    cost = measured(measured_params(of), None, steps, warm_up=1)
    return cost.seconds / (cost.flops_per_image * cost.images), cost.device


def basis(of: str) -> str:
    """How a kind was measured if not as it trains: its smaller batch and crop; empty if it was."""
    train, measured = json.loads(of)["train"], measured_params(of)["train"]
    if (train["batch"], train["crop"]) == (measured["batch"], measured["crop"]):
        return ""
    return f"batch {measured['batch']}, crop {'x'.join(map(str, measured['crop']))}"


@functools.cache
def start_seconds(module: str = "acnet.train.loop") -> float:
    """How long a process takes until it can work: what every job pays once."""
    began = time.perf_counter()
    # A part that is not installed here costs nothing here.
    subprocess.run([sys.executable, "-c", f"import {module}"], check=False, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
