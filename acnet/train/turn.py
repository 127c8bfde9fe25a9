"""Waiting for one's turn to train a run."""

import os
import sys
import time
from pathlib import Path

from acnet.params.run import Run
from acnet.progress import duration
from acnet.train.live import progress
from acnet.train.lock import Holder, RunLock, live_holder
from acnet.train.parallel import Processes
from acnet.train.publish import clear, finished

_EVERY = 10.0  # seconds between lines


def take_turn(lock: RunLock, run: Run, folder: Path, processes: Processes) -> bool:
    """Hold the lock of the run in `folder`; False if it is finished, by another trainer in the meantime or before.

    The first process takes the lock for all processes of its torchrun; the others wait for that.
    """
    if processes.rank > 0:
        return _follow(processes.group, run, folder)
    waited = lock.acquire(_Watch(run.name, folder / "resume"))
    if finished(folder, run):
        told = (
            "the other trainer has finished it"
            if waited
            else "finished already; delete checkpoint.pt to train it again"
        )
        print(f"{run.name}: {told}", file=sys.stderr)
        clear(folder / "resume")
        lock.release()
        return False
    return True


def _follow(group: str, run: Run, folder: Path) -> bool:
    parent = os.getppid()
    while (holder := live_holder(folder / "resume")) is None or holder.group != group:
        if finished(folder, run):
            return False
        if os.getppid() != parent:
            raise SystemExit(1)  # torchrun is gone
        time.sleep(0.2)
    return not finished(folder, run)


class _Watch:
    """Shows where the trainer that is waited for stands."""

    def __init__(self, run: str, resume: Path):
        self._run, self._resume = run, resume
        self._said = -_EVERY

    def __call__(self, holder: Holder) -> None:
        if time.monotonic() - self._said < _EVERY:
            return
        self._said = time.monotonic()
        facts = progress(self._resume)
        where = "starting"
        if facts is not None:
            left = facts["seconds_left"]
            where = f"at step {facts['step']}/{facts['steps']}" + (f", {duration(left)} left" if left else "")
        print(f"{self._run}: {holder} trains it, {where}; waiting", file=sys.stderr)
