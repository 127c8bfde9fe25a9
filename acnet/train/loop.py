"""The training of one run, from its params.yaml to its checkpoint."""

import csv
import dataclasses
import io
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from acnet.data.store import Store
from acnet.data.training import TrainingSamples
from acnet.device import autocast, settle
from acnet.errors import AcnetError, Interrupted
from acnet.files import digest, replacing, sha256, write_json, write_text
from acnet.model import build_network, context_scalars
from acnet.progress import Progress, duration
from acnet.provenance import now, provenance
from acnet.train.batches import batches
from acnet.train.initial import load_initial
from acnet.train.loss import total_loss
from acnet.train.optimiser import build_optimiser, poly, set_rate
from acnet.train.state import load_state, save_state
from acnet.train.stop import StopRequest

HISTORY = ("step", "epoch", "loss", "main_loss", "auxiliary_loss", "learning_rate", "kept", "seconds")
_POINTS = 200  # of a curve


@dataclasses.dataclass
class _Position:
    """Where a training stands: the next step, the curve so far and the sums of its next point, the seconds spent."""

    step: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    sums: dict[str, torch.Tensor] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    started: str = dataclasses.field(default_factory=now)


def train_run(params: Mapping[str, Any], folder: Path, data_root: Path) -> None:
    """Train the network of `params` and write checkpoint.pt, history.csv and provenance.json into `folder`.

    The state for resuming lies in {folder}/resume and is removed at the end. A run that was stopped or killed
    continues where its last state was saved, with the same result.
    Raises AcnetError for missing data, unfit weights, or a loss that is not finite; Interrupted after a signal.
    """
    train = params["train"]
    device = settle(train["threads"])
    samples = _samples(params, data_root)
    torch.manual_seed(params["seed"])
    network = build_network({**params["model"], "classes": params["classes"]})
    load_initial(network, params["init"], folder.parent.parent, folder.name)
    scalars = _values(context_scalars(network))
    network.to(device, memory_format=torch.channels_last).train()
    optimiser = build_optimiser(network, train)
    scaler = torch.amp.GradScaler(device.type, enabled=train["precision"] == "float16")
    parts = {"network": network, "optimiser": optimiser, "scaler": scaler}

    resume = folder / "resume"
    state, said = load_state(resume, digest(params))
    print(f"{params['run']} seed {params['seed']} at {params['scale']}: {said}", file=sys.stderr)
    position = _Position()
    if state is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        position = _Position(**{field.name: state[field.name] for field in dataclasses.fields(_Position)})

    def save() -> None:
        saved = {name: part.state_dict() for name, part in parts.items()}
        save_state(resume, {"digest": digest(params), **vars(position), **saved})

    _steps(params, samples, network, optimiser, scaler, device, position, save)
    _publish(params, folder, network, device, position, scalars)
    shutil.rmtree(resume, ignore_errors=True)


def _samples(params: Mapping[str, Any], data_root: Path) -> TrainingSamples:
    train = params["train"]
    stores = [Store(data_root / params["dataset"], split) for split in params["train_splits"]]
    return TrainingSamples(
        stores,
        crop=tuple(train["crop"]),
        base_size=train["base_size"],
        scale_range=tuple(train["scale_range"]),
        mirror=train["mirror"],
        seed=params["seed"],
        batch=train["batch"],
    )


def _steps(params, samples, network, optimiser, scaler, device, position: _Position, save) -> None:
    """Run the steps that are left, saving every `save_minutes` and when asked to stop."""
    train = params["train"]
    steps = train["epochs"] * samples.steps_per_epoch
    interval = max(1, steps // _POINTS)
    progress = Progress(params["run"], steps, "steps", start=position.step)
    began = last_save = time.monotonic()
    before = position.seconds
    note = ""
    with StopRequest() as stop:
        for images, labels in batches(samples, train["batch"], position.step, steps, train["threads"]):
            rate = poly(train["learning_rate"], position.step, steps, train["power"])
            set_rate(optimiser, rate)
            # Dropout is a function of the seed and the step, so that resuming changes nothing.
            torch.manual_seed(params["seed"] * 1_000_003 + position.step)
            losses = _step(network, optimiser, scaler, images, labels, train, device)
            for name, value in losses.items():
                position.sums[name] = position.sums.get(name, 0) + value.detach()
            position.step += 1
            position.seconds = before + time.monotonic() - began
            if position.step % interval == 0 or position.step == steps:
                row = _row(position, samples.steps_per_epoch, interval, rate)
                position.history.append(row)
                position.sums = {}
                note = f"loss {row['loss']:.3f}, rate {rate:.2g}"
            progress.advance(note=note)
            if position.step == steps:
                break
            if stop.signal is not None or time.monotonic() - last_save > 60 * train["save_minutes"]:
                save()
                last_save = time.monotonic()
            if stop.signal is not None:
                message = f"stopped at step {position.step} of {steps}; the same command goes on from there"
                raise Interrupted(message, stop.signal)
    progress.finish(f"{duration(position.seconds)} in all")


def _step(network, optimiser, scaler, images, labels, train, device) -> dict[str, torch.Tensor]:
    images = images.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    labels = labels.to(device, non_blocking=True)
    with autocast(device, train["precision"]):
        output = network(images)
    losses = total_loss(output, labels, train)
    optimiser.zero_grad(set_to_none=True)
    scaler.scale(losses["total"]).backward()
    scaler.step(optimiser)
    scaler.update()
    return losses


def _row(position: _Position, steps_per_epoch: int, interval: int, rate: float) -> dict[str, Any]:
    """A point of the curve: means over its steps; AcnetError if the loss is not finite."""
    count = interval if position.step % interval == 0 else position.step % interval
    means = {name: float(value) / count for name, value in position.sums.items()}
    loss = means["total"]
    if not -float("inf") < loss < float("inf"):
        raise AcnetError(
            f"the loss is {loss} between steps {position.step - count} and {position.step} at learning rate "
            f"{rate:.3g}; lower `learning_rate`, or `new_layers_factor`, in params/"
        )
    return {
        "step": position.step,
        "epoch": position.step / steps_per_epoch,
        "loss": loss,
        "main_loss": means["main"],
        "auxiliary_loss": means.get("auxiliary"),
        "learning_rate": rate,
        "kept": means.get("kept"),
        "seconds": round(position.seconds, 3),
    }


def _publish(params, folder: Path, network, device, position: _Position, initial_scalars) -> None:
    """Write what a run is judged by; the checkpoint last, since its presence says that the run is whole."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(position.history)
    write_text(folder / "history.csv", text.getvalue())
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    described = {"run": params["run"], "params": {**params["model"], "classes": params["classes"]}}
    with replacing(folder / "checkpoint.pt") as temporary:
        torch.save({"network": weights, **described}, temporary)
        facts = provenance(
            params,
            params_hash=digest(params),
            checkpoint_sha256=sha256(temporary),
            device=torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
            started=position.started,
            finished=now(),
            seconds=round(position.seconds, 1),
            context_scalars={"initial": initial_scalars, "final": _values(context_scalars(network))},
        )
        write_json(folder / "provenance.json", facts)


def _values(scalars: Mapping[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in scalars.items()}
