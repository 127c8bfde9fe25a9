"""A few steps of training in one process of several."""

import os
import socket
from pathlib import Path
from typing import Any

import torch

from tests.survival.children import start
from tests.tiny import tiny_run

NETWORK = {"blocks": 3, "reuse": 2, "base_width": 8}
TRAIN = {"batch": 8, "crop": [48, 48], "scale_range": [1.0, 1.0], "learning_rate": 0.005}


def steps(rank: int, size: int, port: int, out: Path, data: Path, dtype: torch.dtype, count: int, changes: Any) -> None:
    """Take `count` steps as process `rank` of `size`; the first writes gradients, losses and weights to `out`."""
    from acnet.distributed import process_group
    from acnet.model import build_network
    from acnet.train.batches import batches, training_samples
    from acnet.train.optimizer import set_learning_rate
    from acnet.train.step import TrainingStep

    torch.set_num_threads(1)
    if size > 1:
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank))
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    run = tiny_run(**{**NETWORK, **TRAIN, **changes})
    train = run.train
    samples = training_samples(run, data / run.dataset)
    torch.manual_seed(0)
    with process_group(size):
        network = build_network(run.model, run.classes).to(dtype)
        step = TrainingStep(network, train, torch.device("cpu"))
        set_learning_rate(step.optimizer, train.learning_rate)
        found: dict[str, Any] = {"losses": []}
        for number, (images, labels) in enumerate(batches(samples, run, 0, count, step.indices)):
            found["losses"].append(step(images.to(dtype), labels, number))
            if number == 0:
                found["gradients"] = {n: p.grad.clone() for n, p in step.network.named_parameters()}
        found["weights"] = step.network.state_dict()
        if rank == 0:
            torch.save(found, out)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_steps(size: int, out: Path, data: Path, dtype: torch.dtype, count: int, **changes: Any) -> dict[str, Any]:
    """What `steps` finds in `size` processes."""
    port = free_port()
    processes = [start(steps, rank, size, port, out, data, dtype, count, changes) for rank in range(size)]
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * size
    return torch.load(out, weights_only=True)
