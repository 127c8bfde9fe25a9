"""What a step of a run costs on this machine: time, memory, floating-point operations."""

import dataclasses
import functools
import math
import statistics
import time
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from acnet.device import default_device, set_up_device
from acnet.evaluate.trained_network import InferenceNetwork
from acnet.model import build_network, count_parameters
from acnet.params.run import InitialWeights, Run
from acnet.precision import autocast
from acnet.train.batches import batches, training_samples
from acnet.train.step import TrainingStep

FORWARD = 1 / 3  # of the FLOPs of a training step
_AFFORDABLE = {"cpu": 3e11, "cuda": 1e14}  # FLOPs of a step that is measured; larger ones are scaled from smaller


@dataclasses.dataclass(frozen=True)
class Cost:
    """One step of training on `device`.

    `waiting` is the share of the seconds spent waiting for data, `peak_bytes` None on a CPU, `flops_per_image` that of
    forward and backward.
    """

    device: str
    images: int
    seconds: float
    waiting: float
    peak_bytes: int | None
    flops_per_image: int

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds

    @property
    def flops_per_second(self) -> float:
        return self.flops_per_image * self.images / self.seconds


def flops_per_image(run: Run) -> int:
    """Floating-point operations of a training step for one image, forward and backward; computed, not run."""
    counted = {torch.ops.aten.convolution_backward: _backward_flops}
    with FakeTensorMode(), FlopCounterMode(display=False, custom_mapping=counted) as counter:
        network = build_network(run.model, run.classes).train()
        output = network(torch.empty(2, 3, *run.train.crop), native=True)
        trained = [output[name] for name in ("logits", "auxiliary") if name in output]
        sum(scores.sum() for scores in trained + [extra.scores for extra in output.get("extra", [])]).backward()
    return counter.get_total_flops() // 2


def _backward_flops(gradient: list[int], x: list[int], weight: list[int], *arguments, **_) -> int:
    """FLOPs of the gradients of a convolution; torch's own formula ignores the groups in that of the weight."""
    return sum(arguments[-1][:2]) * conv_flop_count(x, weight, gradient)


def parameters_and_flops(run: Run) -> tuple[int, int]:
    """Trainable values, and floating-point operations of a forward pass in evaluation for one image of the crop."""
    with FakeTensorMode(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = build_network(run.model, run.classes).eval()
        network(torch.empty(1, 3, *run.train.crop), native=True)
    return count_parameters(network), counter.get_total_flops()


def ceiling(device: torch.device, precision: str, size: int | None = None, repeat: int = 5) -> float:
    """FLOPs per second of a product of two square matrices: the most that convolutions could reach."""
    size = size or (8192 if device.type == "cuda" else 1024)
    left, right = torch.randn(2, size, size, device=device).to(getattr(torch, precision))
    with autocast(device, precision):  # on a CPU that lacks instructions for it, as in training
        times = [_timed(lambda: left @ right, device) for _ in range(repeat + 2)][2:]
    return 2 * size**3 / min(times)


def measure(run: Run, data_root: Path | None, steps: int = 10, warm_up: int = 3) -> Cost:
    """The cost of the training steps of a run, on its prepared data or, with `data_root` None, on random images."""
    train = run.train
    device = set_up_device(train.threads)
    torch.manual_seed(0)
    network = build_network(run.model, run.classes)
    step = TrainingStep(network, train, device)
    if data_root is None:
        source = _random(run, device)
    else:
        source = batches(training_samples(run, data_root / run.dataset), run, 0, warm_up + steps, range(train.batch))
    if cuda := device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    waited = 0.0
    for number in range(warm_up + steps):
        if number == warm_up:
            _wait(device)
            began, waited = time.perf_counter(), 0.0
        asked = time.perf_counter()
        images, labels = next(source)
        waited += time.perf_counter() - asked
        step(images, labels, number)
    _wait(device)
    seconds = time.perf_counter() - began
    return Cost(
        device=torch.cuda.get_device_name() if cuda else f"CPU, {train.threads} thread(s)",
        images=train.batch,
        seconds=seconds / steps,
        waiting=waited / seconds,
        peak_bytes=torch.cuda.max_memory_allocated() if cuda else None,
        flops_per_image=flops_per_image(run),
    )


@torch.inference_mode()
def inference_seconds(run: Run, repeat: int = 10) -> float:
    """The median time of a forward pass in evaluation, for one image of the crop, in float32."""
    device = set_up_device(run.train.threads)
    network = build_network(run.model, run.classes).eval().to(device, memory_format=torch.channels_last)
    network = InferenceNetwork(network)
    image = torch.randn(1, 3, *run.train.crop, device=device)
    return statistics.median([_timed(lambda: network(image), device) for _ in range(repeat + 2)][2:])


def kind_of(run: Run) -> Run:
    """The run without the parameters that do not change the cost of a step: runs of one kind share a measurement."""
    run = run.with_training(epochs=1, learning_rate=1e-4, new_layers_factor=1.0, scale_range=[1, 1], base_size=None)
    same = {"model": dataclasses.replace(run.model, delta=5.0), "init": InitialWeights(kind="none", name="")}
    bare = {"name": "", "scale": "", "seed": 0, "dataset": "", "train_splits": [], "evaluate_split": ""}
    return dataclasses.replace(run, **same, **bare)


@functools.cache
def arithmetic(kind: Run) -> tuple[int, int]:
    """FLOPs of a training step for one image of this kind, and bytes of a checkpoint."""
    with torch.device("meta"):
        network = build_network(kind.model, kind.classes)
    return flops_per_image(kind), 4 * sum(tensor.numel() for tensor in network.state_dict().values())


def measured_run(kind: Run) -> Run:
    """A run of the kind; where a whole step is too much for this device, with a smaller batch, then crop."""
    run, limit = kind, _AFFORDABLE[default_device().type]
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
def seconds_per_flop(kind: Run, steps: int) -> tuple[float, float, str]:
    """In training and in evaluation, measured on random images, and the device's name."""
    run = measured_run(kind)
    cost = measure(run, None, steps, warm_up=1)
    training = cost.seconds / (cost.flops_per_image * cost.images)
    return training, inference_seconds(run, steps) / (cost.flops_per_image * FORWARD), cost.device


def _random(run: Run, device: torch.device):
    batch, crop = run.train.batch, run.train.crop
    images, labels = torch.randn(batch, 3, *crop), torch.randint(0, run.classes, (batch, *crop))
    if device.type == "cuda":
        images, labels = images.pin_memory(), labels.pin_memory()
    while True:
        yield images, labels


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _timed(work, device: torch.device) -> float:
    _wait(device)
    began = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - began
