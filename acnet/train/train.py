"""The training of one run: data, network, initial weights, SGD with the poly learning rate, checkpoint (Sec. 4.2).

`job` keeps the training alive and changes no weight (acnet.jobs: one trainer per run, resuming, signals, time limits).
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acnet.checkpoint import write_tensors
from acnet.data.training import TrainingSamples
from acnet.device import explain_out_of_memory, set_up_device
from acnet.distributed import world_size
from acnet.errors import NonRetryableError
from acnet.files import canonical, replacing, sha256, write_json
from acnet.jobs.job import TrainingJob, training_job
from acnet.model import build_network, context_scalars
from acnet.params.run import Run
from acnet.precision import slow_precision
from acnet.provenance import now, provenance
from acnet.train.batches import batches, training_samples
from acnet.train.history import History
from acnet.train.initial_weights import load_initial_weights
from acnet.train.label_blocks import fit_to_labels
from acnet.train.optimizer import poly, set_learning_rate
from acnet.train.step import TrainingStep


def train_run(run: Run, folder: Path, data_root: Path, time_limit: float | None = None) -> None:
    """Train the network of `run` and write checkpoint.pt, history.csv and provenance.json into `folder`.

    A run that was stopped or killed resumes from its last state in {folder}/resume, with the same result (on a GPU to
    rounding: there torch adds up gradients of bilinear upsampling in no fixed order). While another trainer works on
    the run this one waits, and takes over if that dies. Under torchrun every process calls this.
    Raises AcnetError for missing data, weights that do not match, a loss that is not finite, or a lack of memory;
    Interrupted after a signal; TryAgain when `time_limit` (minutes), or the cluster job's own limit, is nearly over.
    """
    with training_job(run, folder, data_root, time_limit) as job, explain_out_of_memory(run.train):
        if job is not None:  # else the run is finished
            _train(run, folder, job)


def _train(run: Run, folder: Path, job: TrainingJob) -> None:
    train = run.train
    device = set_up_device(train.threads)
    if slow := slow_precision(device, train.precision, run.scale):
        job.note(slow)
    samples = training_samples(run, job.data)
    steps = train.epochs * samples.steps_per_epoch

    torch.manual_seed(run.seed)
    network = build_network(run.model, run.classes)
    if run.init.kind != "run":
        fit_to_labels(network, samples)
    load_initial_weights(network, run, folder)
    initial = _values(network)

    training_step = TrainingStep(network, train, device)
    network, optimizer = training_step.network, training_step.optimizer
    history = History(steps, samples.steps_per_epoch)
    state = {"network": network, "optimizer": optimizer, "scaler": training_step.scaler, "history": history}
    start = job.resume(state, steps)

    for step, (images, labels) in enumerate(batches(samples, run, start, steps, training_step.indices), start):
        if job.must_save():
            _refuse_non_finite(history, run, samples)
            job.save(step)  # raises Interrupted or TryAgain if the job has to stop here
        learning_rate = poly(train.learning_rate, step, steps, train.power)
        set_learning_rate(optimizer, learning_rate)
        losses = training_step(images, labels, seed=run.seed * 1_000_003 + step)
        history.add(step, losses)
        if history.is_point(step + 1):
            _refuse_non_finite(history, run, samples)
            history.add_row(step + 1, learning_rate, _values(network))
        job.after_step(step + 1, history.rows[-1]["loss"] if history.rows else None, learning_rate)

    facts = job.finish(history.seconds)
    if job.first:
        scalars = {"initial": initial, "final": _values(network)}
        _write_results(run, folder, network, device, history, context_scalars=scalars, **facts)


def _refuse_non_finite(history: History, run: Run, samples: TrainingSamples) -> None:
    """NonRetryableError, naming step, learning rate and images, if a loss since the last call was not finite."""
    step = history.non_finite_step()
    if step is None:
        return
    train = run.train
    learning_rate = poly(train.learning_rate, step, train.epochs * samples.steps_per_epoch, train.power)
    names = [samples[number][2] for number in range(step * train.batch, (step + 1) * train.batch)]
    raise NonRetryableError(
        f"the loss is not finite at step {step} with learning rate {learning_rate:.3g}; "
        "lower learning_rate or new_layers_factor in params/, or look at the images of this batch: " + ", ".join(names)
    )


def _values(network: nn.Module) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in context_scalars(network).items()}


def _write_results(
    run: Run, folder: Path, network: nn.Module, device: torch.device, history: History, **facts: Any
) -> None:
    """Write history.csv, provenance.json, and checkpoint.pt last, since its presence says that the run is whole."""
    for leftover in folder.glob(".*.part"):
        leftover.unlink(missing_ok=True)  # of a process that was killed here
    history.write(folder / "history.csv")
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    described = {"run": run.name, "params": {**run.values()["model"], "classes": run.classes}}
    described = json.loads(canonical(described))  # a pickle also tells which equal texts are one object
    with replacing(folder / "checkpoint.pt") as temporary:
        write_tensors(temporary, {"network": weights, **described})
        made = provenance(
            run,
            params_hash=run.digest(),
            checkpoint_sha256=sha256(temporary),
            device=torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
            processes=world_size(),
            accumulate=run.train.accumulate,
            started=history.started,
            finished=now(),
            seconds=round(history.seconds, 1),
            **facts,
        )
        write_json(folder / "provenance.json", made)
