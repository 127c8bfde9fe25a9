"""One training as a job: one trainer at a time, resumed from its last state, stopped by signals and time limits."""

import contextlib
import functools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from acnet.distributed import from_first, process_group, summed
from acnet.errors import Interrupted, TryAgain
from acnet.jobs.results import discard_measured, finished, in_place, inputs_digest, keep, put_back
from acnet.jobs.run_lock import FILE as LOCK
from acnet.jobs.run_lock import Holder, RunLock, live_holder
from acnet.jobs.status_files import note, read_journal, read_progress, write_progress
from acnet.jobs.stopping import Signals, TimeLimit
from acnet.jobs.training_state import newest_state, read_state, save_state
from acnet.jobs.watch import Watch
from acnet.params.run import Run
from acnet.progress import Progress, duration
from acnet.provenance import code, combined, write_changes, write_surroundings

_EVERY = 3.0  # seconds between progress files


@contextlib.contextmanager
def training_job(
    run: Run, folder: Path, data_root: Path, time_limit: float | None = None
) -> Iterator["TrainingJob | None"]:
    """The right to train `run` in `folder`; None if it is finished, by another trainer in the meantime or before.

    Waits while another trainer works on the run. Under torchrun the first process takes the lock for all of them.
    {folder}/resume is removed when the block ends without an error and the results are in place.
    """
    limit, resume, data = TimeLimit(time_limit), folder / "resume", data_root / run.dataset
    inputs = inputs_digest(run, folder, data)
    first, size = int(os.environ.get("RANK", 0)) == 0, int(os.environ.get("WORLD_SIZE", 1))
    group = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}" if size > 1 else ""
    lock = RunLock(resume, group)
    if first:
        put_back(folder, run, inputs)
        lock.acquire(functools.partial(_show_holder, run, resume))
    else:
        _wait_for_first(group, run, folder, inputs)
    try:
        if finished(folder, run, inputs):
            if first:
                print(f"{run.name}: finished already; delete checkpoint.pt to train it again", file=sys.stderr)
            yield None
        else:
            with process_group(size), Signals() as signals:
                yield TrainingJob(run, resume, data, inputs, first, lock, limit, signals)
            if first:
                keep(folder)
        if first and in_place(folder):  # else Snakemake has removed them, for a job that then resumes
            _clear(resume)
    finally:
        if first:
            lock.release()


class TrainingJob:
    """This process's part in a job.

    `data`: the folder of the dataset; `inputs`: see inputs_digest; `first`: whether it alone writes files.
    """

    def __init__(
        self, run: Run, resume: Path, data: Path, inputs: str | None, first: bool, lock: RunLock, limit: TimeLimit,
        signals: Signals,
    ):  # fmt: skip
        self.run, self.data, self.first = run, data, first
        self._identity = {"params": run.digest(), "inputs": inputs}
        self._resume, self._lock, self._limit, self._signals = resume, lock, limit, signals
        self._longest_step = self._longest_save = 0.0
        self._shown = -_EVERY
        self._codes = [code()]  # of all jobs that had a part in the training

    def resume(self, parts: dict[str, Any], steps: int) -> int:
        """Load the last state into `parts`, which have state_dict and load_state_dict; return the next of `steps`."""
        self._parts, self._steps, start = parts, steps, 0
        file = newest_state(self._resume, self._identity, self.note) if self.first else None
        if (file := from_first(file)) is not None:
            state = read_state(file)
            own, self._codes = code(), state.get("codes", self._codes)
            if self._codes[-1] != own:
                self.note(f"resuming with other code: commit {own['commit']}, not {self._codes[-1]['commit']}")
                self._codes.append(own)
            for name, part in parts.items():
                part.load_state_dict(state[name])
            start = state["step"]
        self.note(f"resuming at step {start}" if file else "starting from the beginning")
        if self.first:
            write_changes(self._resume)
            self._progress = Progress(self.run.name, steps, "steps", start=start)
            self._watch = Watch(self.run, self._resume.parent, self.data, parts, start, steps)
        self._saved = time.monotonic()
        return start

    def must_save(self) -> bool:
        """Whether all processes have to call `save` now: every `save_minutes`, after a signal, at the time limit."""
        self._began = time.monotonic()
        due = self._began - self._saved > 60 * self.run.train.save_minutes
        late = self._limit.reached(self._longest_step + self._longest_save)
        caught = [self._signals.caught == number for number in Signals.numbers]
        # The first process's clock decides. By way of the CPU, so that nobody waits for a GPU.
        flags = [due and self.first, late and self.first, *caught]
        agreed = summed(torch.tensor(flags, dtype=torch.int64)).tolist()
        self._late = bool(agreed[1])
        self._signal = next((number for number, heard in zip(Signals.numbers, agreed[2:], strict=True) if heard), None)
        return any(agreed)

    def save(self, step: int) -> None:
        """Save the state before `step`; raise Interrupted after a signal, TryAgain at the time limit."""
        if self.first:
            began = time.monotonic()
            self._lock.check()
            parts = {name: part.state_dict() for name, part in self._parts.items()}
            save_state(self._resume, {**self._identity, "codes": self._codes, "step": step, **parts})
            self._saved = time.monotonic()
            self._longest_save = max(self._longest_save, self._saved - began)
        # torchrun gives the others half a minute once one process has ended: none ends before the state is written.
        summed(torch.zeros(1))
        if self._signal or self._late:
            why = "by a signal" if self._signal else "before its time limit"
            message = f"stopped {why} at step {step} of {self._steps}; the same command resumes there"
            if self.first:
                note(self._resume, message)
            raise Interrupted(message, self._signal) if self._signal else TryAgain(message)

    def after_step(self, done: int, loss: float | None, learning_rate: float) -> None:
        """Show that `done` steps are done; `loss` is the latest of the curve."""
        if self.first:
            shown = "" if loss is None else f"loss {loss:.3f}, "
            self._progress.advance(note=f"{shown}lr {learning_rate:.2g}")
            if time.monotonic() - self._shown > _EVERY:
                self._shown = time.monotonic()
                write_progress(self._resume, self._progress, loss, learning_rate)
            self._watch.after_step(done)
        self._longest_step = max(self._longest_step, time.monotonic() - self._began)

    def finish(self, seconds: float) -> dict[str, Any]:
        """What provenance.json says of a training that took `seconds`, besides its run: code, inputs, journal.

        What was measured of a former network of this run is removed.
        AcnetError if another trainer has taken the run over.
        """
        if not self.first:
            return {}
        self._progress.finish(f"{duration(seconds)} in all")
        self.note(f"finished after {duration(seconds)} of training")
        self._lock.check()
        self._watch.finish()
        discard_measured(self._resume.parent)
        write_surroundings(self._resume.parent, self._resume)
        facts = {**combined(self._codes), "inputs_digest": self._identity["inputs"]}
        return {**facts, "journal": read_journal(self._resume)}

    def note(self, text: str) -> None:
        """A line for the log and the journal, by the first process."""
        if self.first:
            print(f"{self.run}: {text}", file=sys.stderr)
            note(self._resume, text)


def _show_holder(run: Run, resume: Path, holder: Holder) -> None:
    """Say who trains the run and how far that is."""
    facts = read_progress(resume)
    state = f"at step {facts['step']}/{facts['steps']}" if facts else "starting"
    print(f"{run.name}: {holder} trains it, {state}; waiting", file=sys.stderr)


def _wait_for_first(group: str, run: Run, folder: Path, inputs: str | None) -> None:
    """Wait until the first process of this torchrun holds the lock, or the run is finished."""
    parent = os.getppid()
    while (holder := live_holder(folder / "resume")) is None or holder.group != group:
        if finished(folder, run, inputs):
            return
        if os.getppid() != parent:
            raise SystemExit(1)  # torchrun is gone
        time.sleep(0.2)


def _clear(resume: Path) -> None:
    """Remove everything in `resume` but the lock, whose release follows."""
    for entry in resume.iterdir():
        if entry.name != LOCK:
            entry.unlink(missing_ok=True)
