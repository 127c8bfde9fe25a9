"""Trainings in processes of their own, some of which kill themselves at a chosen moment."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

from tests.tiny import tiny_run

ROOT = Path(__file__).resolve().parents[2]
# A server that has torch loaded already: a fork of it starts in milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["acnet.train.loop", "acnet.evaluate.evaluate", "tests.survival.children"])

# Enough steps for many kills, a state saved every few of them.
LONG = {"epochs": 100, "save_minutes": 0.0005}


def train(folder: Path, data: Path, seed: int, moment: str | None = None) -> None:
    """Train a tiny run; die with SIGKILL at `moment`."""
    import torch

    from acnet.train import loop

    torch.set_num_threads(1)
    if moment is not None:
        MOMENTS[moment]()
    loop.train_run(tiny_run(seed=seed, **LONG), folder, data)


def evaluate(folder: Path, data: Path, seed: int, die: bool) -> None:
    """Evaluate a tiny run; with `die`, be killed when half of the images are done."""
    from acnet.evaluate import evaluate as module
    from acnet.evaluate.inference import Predictor
    from acnet.params.measures import load_measures
    from acnet.params.protocols import Protocol

    if die:
        _before(Predictor, "label_map", 3)
    params = tiny_run(seed=seed, **LONG)
    protocols, measures = [Protocol(name="single", scales=[1.0])], load_measures(ROOT / "params")
    module.evaluate_run(params, folder / "checkpoint.pt", protocols, measures, data, folder / "metrics")


def die_now() -> None:
    """SIGKILL to this very process."""
    os.kill(os.getpid(), signal.SIGKILL)


def _before(module, name: str, after_calls: int = 0) -> None:
    """Make the call number `after_calls` of a function deadly, before it does anything."""
    function, calls = getattr(module, name), [0]

    def deadly(*arguments, **named):
        calls[0] += 1
        if calls[0] > after_calls:
            die_now()
        return function(*arguments, **named)

    setattr(module, name, deadly)


def _between_write_and_rename() -> None:
    from acnet.train import state

    _before(state, "sha256", 2)  # the third state is written whole, and not yet named


def _while_writing() -> None:
    from acnet.train import state

    def half(value, file):
        Path(file).write_bytes(b"half a state")
        die_now()

    state.torch.save = half


def _after_rename_before_pruning() -> None:
    from acnet.train import state

    calls, states = [0], state._states

    def deadly(folder):
        calls[0] += 1
        if calls[0] > 3:  # the first is the look for a state to resume from
            die_now()
        return states(folder)

    state._states = deadly


def _before_publishing() -> None:
    from acnet.train import loop

    _before(loop, "publish")


def _between_history_and_checkpoint() -> None:
    from acnet.train import publish

    _before(publish, "replacing")


def _with_the_checkpoint_written_and_not_named() -> None:
    from acnet.train import publish

    _before(publish, "provenance")


def _after_publishing() -> None:
    from acnet.train import loop

    _before(loop, "clear")


MOMENTS = {
    "while writing": _while_writing,
    "between write and rename": _between_write_and_rename,
    "after rename, before pruning": _after_rename_before_pruning,
    "before publishing": _before_publishing,
    "between history and checkpoint": _between_history_and_checkpoint,
    "with the checkpoint written and not named": _with_the_checkpoint_written_and_not_named,
    "after publishing": _after_publishing,
}


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
