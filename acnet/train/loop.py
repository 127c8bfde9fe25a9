"""The training of one run, from its params.yaml to its checkpoint."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from acnet.data.scratch import near
from acnet.data.store import MANIFEST, Store
from acnet.data.training import TrainingSamples
from acnet.device import settle, told_if_emulated
from acnet.errors import Interrupted, TryAgain
from acnet.model import build_network, context_scalars
from acnet.params.run import Run
from acnet.progress import Progress, duration
from acnet.train.batches import batches
from acnet.train.deadline import Deadline
from acnet.train.failure import Incurable, circumstances, refuse_retry, remember
from acnet.train.initial import load_initial
from acnet.train.live import Live, journal, note
from acnet.train.lock import RunLock
from acnet.train.optimiser import poly, set_rate
from acnet.train.parallel import Processes
from acnet.train.position import Position
from acnet.train.publish import clear, publish
from acnet.train.state import load_state, read_state, save_state
from acnet.train.step import Step, count_valid, enough_memory
from acnet.train.stop import StopRequest
from acnet.train.turn import take_turn

_POINTS = 200  # of a curve


def train_run(run: Run, folder: Path, data_root: Path, minutes: float | None = None) -> None:
    """Train the network of `run` and write checkpoint.pt, history.csv and provenance.json into `folder`.

    The state for resuming lies in {folder}/resume and is removed at the end. A run that was stopped or killed
    continues where its last state was saved, with the same result (on a GPU to rounding: there torch adds up gradients
    of bilinear upsampling in no fixed order). While another trainer works on the run this one waits, and takes over if
    that dies. Under torchrun every process calls this.
    Raises AcnetError for missing data, unfit weights, a loss that is not finite, or a lack of memory; Interrupted
    after a signal; TryAgain when `minutes`, or the job's own limit, are nearly over.
    """
    deadline = Deadline(minutes)
    processes = Processes.from_environment()
    lock = RunLock(folder / "resume", processes.group)
    if not take_turn(lock, run, folder, processes):
        return
    try:
        data_root = near(data_root, run.dataset, run.train_splits)
        with processes:
            _Training(run, folder, data_root, processes, lock, deadline).go()
    finally:
        if processes.rank == 0:
            lock.release()


class _Training:
    """One process's part in a training; the first process alone writes files."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        data_root: Path,
        processes: Processes,
        lock: RunLock,
        deadline: Deadline,
    ):
        self.run, self.folder, self.resume = run, folder, folder / "resume"
        self.processes, self.lock, self.deadline = processes, lock, deadline
        self.first = processes.rank == 0
        self.data = data_root / run.dataset
        self.longest_step = self.longest_save = 0.0

    def go(self) -> None:
        """Train to the end and publish; an error that a retry cannot cure is remembered."""
        samples = self._samples()
        under = circumstances(self.run, [self.data / MANIFEST])
        if self.first:
            refuse_retry(self.resume, under)
        try:
            with enough_memory(self.run.train):
                self._train(samples)
        except Incurable as error:
            if self.first:
                remember(self.resume, str(error), under)
            raise

    def _samples(self) -> TrainingSamples:
        train = self.run.train
        return TrainingSamples(
            [Store(self.data, split) for split in self.run.train_splits],
            crop=tuple(train.crop),
            base_size=train.base_size,
            scale_range=tuple(train.scale_range),
            mirror=train.mirror,
            seed=self.run.seed,
            batch=train.batch,
        )

    def _train(self, samples: TrainingSamples) -> None:
        device = settle(self.run.train.threads, self.processes.local)
        slow = told_if_emulated(device, self.run.train.precision, self.run.scale)
        if slow and self.first:
            self._note(slow)
        torch.manual_seed(self.run.seed)
        network = build_network(self.run.model, self.run.classes)
        load_initial(network, self.run, self.folder)
        initial = _values(context_scalars(network))
        step = Step(network, self.run.train, device, self.processes)
        position = self._resumed(step)
        with StopRequest() as stop:
            self._steps(samples, step, position, stop)
        if self.first:
            self._note(f"finished after {duration(position.seconds)} of training")
            scalars = {"initial": initial, "final": _values(context_scalars(step.network))}
            facts = {"context_scalars": scalars, "journal": journal(self.resume)}
            self.lock.check()
            publish(self.run, self.folder, step.network, device, self.processes, position, **facts)
            clear(self.resume)

    def _resumed(self, step: Step) -> Position:
        """Where the newest sound state stands, loaded into `step`; the beginning without one."""
        state = file = None
        if self.first:
            state, file = load_state(self.resume, self.run.digest(), self._note)
        file = self.processes.from_first(file)
        if file is None:
            position = Position()
        else:
            state = state or read_state(file)
            for name, part in _parts(step).items():
                part.load_state_dict(state[name])
            position = Position.of(state["position"], step.device)
        if self.first:
            self._note(f"resuming at step {position.step}" if file else "starting anew")
        return position

    def _steps(self, samples: TrainingSamples, step: Step, position: Position, stop: StopRequest) -> None:
        """Run the steps that are left, saving every `save_minutes` and when asked to stop."""
        train = self.run.train
        steps = train.epochs * samples.steps_per_epoch
        interval = max(1, steps // _POINTS)
        progress = Progress(self.run.name, steps, "steps", start=position.step)
        live = Live(self.resume, position.step, steps)
        before, began = position.seconds, time.monotonic()
        last_save, text, loss = began, "", None
        ahead = batches(
            samples,
            train.batch,
            position.step,
            steps,
            train.threads,
            positions=step.positions,
            classes=self.run.classes,
            pin=step.device.type == "cuda",
        )
        for images, labels in ahead:
            started = time.monotonic()
            due = started - last_save > 60 * train.save_minutes
            late = self.deadline.reached(self.longest_step + self.longest_save)
            valid, due, late, signal = self._agree(count_valid(labels), due, late, stop.signal)
            if due or late or signal:
                self._save(samples, step, position)
                last_save = time.monotonic()
            if signal:
                raise Interrupted(self._stopped(position.step, steps, "by a signal"), signal)
            if late:
                raise TryAgain(self._stopped(position.step, steps, "before its time limit"))
            rate = poly(train.learning_rate, position.step, steps, train.power)
            set_rate(step.optimiser, rate)
            position.add(step(images, labels, valid, self.run.seed * 1_000_003 + position.step))
            position.seconds = before + time.monotonic() - began
            if position.step % interval == 0 or position.step == steps:
                self._refuse_bad(samples, position)
                loss = position.close_point(samples.steps_per_epoch, interval, rate)["loss"]
                text = f"loss {loss:.3f}, rate {rate:.2g}"
            if self.first:
                live.tell(position.step, loss, rate)
                progress.advance(note=text)
            self.longest_step = max(self.longest_step, time.monotonic() - started)
        if self.first:
            progress.finish(f"{duration(position.seconds)} in all")

    def _agree(self, valid: int, due: bool, late: bool, signal: int | None) -> tuple[int, bool, bool, int | None]:
        """Valid pixels of all processes, whether to save, whether time is up, and the signal that any of them got.

        The first process's clock decides. By way of the CPU, so that nobody waits for a GPU.
        """
        heard = [signal == number for number in StopRequest.signals]
        said = self.processes.sum(torch.tensor([valid, due and self.first, late and self.first, *heard])).tolist()
        signals = [number for number, count in zip(StopRequest.signals, said[3:], strict=True) if count]
        return said[0], bool(said[1]), bool(said[2]), next(iter(signals), None)

    def _save(self, samples: TrainingSamples, step: Step, position: Position) -> None:
        self._refuse_bad(samples, position)
        if self.first:
            began = time.monotonic()
            self.lock.check()
            parts = {name: part.state_dict() for name, part in _parts(step).items()}
            state = {"digest": self.run.digest(), "step": position.step, "position": position.saved(), **parts}
            save_state(self.resume, state)
            self.longest_save = max(self.longest_save, time.monotonic() - began)
        # torchrun gives the others half a minute once one process has ended: none ends before the state is written.
        self.processes.sum(torch.zeros(1))

    def _refuse_bad(self, samples: TrainingSamples, position: Position) -> None:
        """Incurable, naming step, rate and images, if a loss since the last look was not finite."""
        bad = position.bad_step()
        if bad is None:
            return
        train = self.run.train
        rate = poly(train.learning_rate, bad, train.epochs * samples.steps_per_epoch, train.power)
        names = [samples[number][2] for number in range(bad * train.batch, (bad + 1) * train.batch)]
        raise Incurable(
            f"the loss is not finite at step {bad} with learning rate {rate:.3g}; "
            "lower learning_rate or new_layers_factor in params/, or look at the images of this batch: "
            + ", ".join(names)
        )

    def _stopped(self, step: int, steps: int, why: str) -> str:
        message = f"stopped {why} at step {step} of {steps}; the same command goes on from there"
        if self.first:
            note(self.resume, message)
        return message

    def _note(self, text: str) -> None:
        """A line for the log and the journal."""
        print(f"{self.run}: {text}", file=sys.stderr)
        note(self.resume, text)


def _parts(step: Step) -> dict[str, Any]:
    return {"network": step.network, "optimiser": step.optimiser, "scaler": step.scaler}


def _values(scalars: Mapping[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in scalars.items()}
