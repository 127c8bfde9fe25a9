"""One step of SGD on this process's share of a global batch."""

import contextlib
import inspect
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from acnet.data.classes import VOID
from acnet.device import autocast, memory_ran_out
from acnet.errors import AcnetError
from acnet.params.training import TrainingConfig
from acnet.train.dropout import fix_dropout
from acnet.train.loss import total_loss
from acnet.train.norms import steady_norms
from acnet.train.optimiser import build_optimiser
from acnet.train.parallel import Processes

PARTS = ("total", "main", "auxiliary", "kept")


class Step:
    """Forward, loss, backward, update. Holds what a state has to save: network, optimiser, scaler.

    The network is changed in place: its dropout becomes a function of (seed, step, position), and with several
    processes its BN is synchronised. Nothing here waits for the device (where several GPUs share a training, torch's
    SyncBatchNorm does).
    """

    def __init__(self, network: nn.Module, train: TrainingConfig, device: torch.device, processes: Processes):
        self.train, self.device, self.processes = train, device, processes
        self.positions = processes.share(train.batch, train.accumulate)
        self._draw = fix_dropout(network)
        network = steady_norms(network, device, processes.size)
        self.network = network.to(device, memory_format=torch.channels_last).train()
        if train.compile:
            self.network.compile()
        self.optimiser = build_optimiser(self.network, train)
        self.scaler = torch.amp.GradScaler(device.type, enabled=train.precision == "float16")
        self._parallel = self.network
        if processes.size > 1:
            self._parallel = _distributed(self.network, device)

    def __call__(self, images: Tensor, labels: Tensor, valid: int, seed: int) -> Tensor:
        """The losses PARTS (4,) of the global batch, NaN for a part there is none of; on the device.

        `images` and `labels` are of `positions`; `valid` counts the pixels of the global batch that are not void;
        dropout draws from `seed`.
        """
        pieces = self.train.accumulate
        self.optimiser.zero_grad(set_to_none=True)
        losses = torch.zeros(len(PARTS), device=self.device, dtype=images.dtype)
        size = len(images) // pieces
        for piece in range(pieces):
            mine = slice(piece * size, (piece + 1) * size)
            self._draw.seed, self._draw.batch = seed, self.train.batch
            self._draw.positions = self.positions[mine]
            last = piece == pieces - 1
            if self.processes.size > 1:
                self._parallel.require_backward_grad_sync = last
            losses += self._micro_step(images[mine], labels[mine], valid)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return self.processes.sum(losses)

    def _micro_step(self, images: Tensor, labels: Tensor, valid: int) -> Tensor:
        images = images.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        labels = labels.to(self.device, non_blocking=True)
        with autocast(self.device, self.train.precision):
            output = self._parallel(images, native=True)
        parts = total_loss(output, labels, self.train, self.network.align_corners, valid, self.processes)
        # DistributedDataParallel takes the mean of what has to be summed.
        self.scaler.scale(parts["total"] * self.processes.size).backward()
        # Unlike new_tensor, this does not wait for the device.
        nothing = parts["total"].new_full((), float("nan"))
        return torch.stack([parts.get(name, nothing).detach() for name in PARTS])


def _distributed(network: nn.Module, device: torch.device) -> nn.parallel.DistributedDataParallel:
    """`network` whose gradients are averaged over the processes while backward is still at work."""
    made = nn.parallel.DistributedDataParallel
    # Synchronised BN keeps the buffers equal. The option's name has changed in torch 2.15.
    names = inspect.signature(made).parameters
    option = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
    devices = [device] if device.type == "cuda" else None
    return made(network, device_ids=devices, gradient_as_bucket_view=True, **{option: False})


def count_valid(labels: Tensor) -> int:
    """How many pixels are not void."""
    return int((labels != VOID).sum())


@contextlib.contextmanager
def enough_memory(train: TrainingConfig) -> Iterator[None]:
    """Say in one line what to lower, should memory run out."""
    try:
        yield
    except RuntimeError as error:
        if not memory_ran_out(error):
            raise
        height, width = train.crop
        lower = "train.accumulate to 2 (BN and OHEM then see half a batch), train.batch or train.crop"
        halve = "" if train.precision != "float32" else "; or set train.precision to bfloat16"
        raise AcnetError(
            f"out of memory with batch {train.batch} in {train.accumulate} pieces, crop {height}x{width}, "
            f"{train.precision}; set {lower}{halve}: {str(error).splitlines()[0]}"
        ) from error
