"""Trainings in processes of their own, some of which kill themselves at a chosen moment."""

import importlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.tiny import tiny_run

ROOT = Path(__file__).resolve().parents[2]
# A server that has torch loaded already: a fork of it starts in milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["acnet.train.train", "acnet.evaluate.evaluate", "tests.survival.children"])

# Enough steps for many kills, a state saved every few of them.
LONG = {"epochs": 100, "save_minutes": 0.0005}


def train(folder: Path, data: Path, seed: int, moment: str | None = None) -> None:
    """Train a tiny run; die with SIGKILL at `moment`."""
    import torch

    from acnet.train.train import train_run

    torch.set_num_threads(1)
    if moment is not None:
        _die_at(moment)
    train_run(tiny_run(seed=seed, **LONG), folder, data)


def die_now() -> None:
    """SIGKILL to this very process."""
    os.kill(os.getpid(), signal.SIGKILL)


# The call of which function is deadly, before it does anything, and after how many calls.
MOMENTS = {
    "while writing": ("acnet.jobs.training_state", "write_tensors", 0),
    "between write and rename": ("acnet.jobs.training_state", "sha256", 2),  # the third state is whole and has no name
    "after rename, before pruning": ("acnet.jobs.training_state", "_states", 3),  # the first looks for one to resume
    "before results": ("acnet.train.train", "_write_results", 0),
    "between history and checkpoint": ("acnet.train.train", "replacing", 0),
    "with the checkpoint written and not named": ("acnet.train.train", "provenance", 0),
    "after results": ("acnet.jobs.job", "_clear", 0),
}


def _die_at(moment: str) -> None:
    module, name, calls = MOMENTS[moment]
    half = (lambda file, _: file.write_bytes(b"half a state")) if moment == "while writing" else lambda *_: None
    _before(importlib.import_module(module), name, calls, half)


def _before(owner: object, name: str, calls: int, act: Callable[..., None] = lambda *_: None) -> None:
    """Make the function `name` of `owner` deadly after so many calls; it does nothing more than `act`."""
    function, left = getattr(owner, name), [calls]

    def deadly(*arguments, **named):
        if not left[0]:
            act(*arguments)
            die_now()
        left[0] -= 1
        return function(*arguments, **named)

    setattr(owner, name, deadly)


def start(target, *arguments) -> multiprocessing.Process:
    """`target` in a new process."""
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def kill_at_random(process, resume: Path, chance: random.Random) -> bool:
    """SIGKILL some time after training began; whether it hit a living process."""
    while process.is_alive() and not (resume / "journal.txt").exists():
        time.sleep(0.005)
    process.join(chance.uniform(0.02, 0.25))
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL
