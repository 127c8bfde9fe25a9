"""One step of SGD on this process's share of a global batch."""

import inspect

import torch
from torch import Tensor, nn

from acnet.data.classes import IGNORE
from acnet.distributed import rank, summed, world_size
from acnet.model.gate_control import GateControl, steer_gates
from acnet.params.config import TrainingConfig
from acnet.precision import autocast
from acnet.train.batch_norm import use_global_batch_norm
from acnet.train.batches import share
from acnet.train.dropout import FixedDropout, use_fixed_dropout
from acnet.train.loss import total_loss
from acnet.train.optimizer import build_optimizer

PARTS = ("total", "main", "auxiliary", "kept")


class TrainingStep:
    """Forward, loss, backward, update. Holds what a training state has to save: network, optimizer, scaler.

    The network is changed in place: its dropout becomes a function of (seed, step, place in the batch), and its BN
    takes the statistics of the global batch. Nothing here waits for the device (where several GPUs share a training,
    torch's SyncBatchNorm does). `indices` are the images of the global batch that this process takes.
    """

    def __init__(self, network: nn.Module, train: TrainingConfig, device: torch.device):
        self.train, self.device = train, device
        self.indices = share(train.batch, train.accumulate, rank(), world_size())
        self._draw = use_fixed_dropout(network)
        network = use_global_batch_norm(network, device)
        self.network = network.to(device, memory_format=torch.channels_last).train()
        if train.compile:
            self._compile()
        self.optimizer = build_optimizer(self.network, train)
        self.scaler = torch.amp.GradScaler(device.type, enabled=train.precision == "float16")
        self._parallel = _distributed(self.network, device) if world_size() > 1 else self.network

    def _compile(self) -> None:
        for module in self.network.modules():
            # What is drawn with the step's seed would be compiled anew in every step.
            if isinstance(module, FixedDropout) or (isinstance(module, GateControl) and module.kind != "distance"):
                module.forward = torch.compiler.disable(module.forward)
        self.network.compile()

    def __call__(self, images: Tensor, labels: Tensor, seed: int) -> Tensor:
        """The losses PARTS (4,) of the global batch, NaN for one that is absent; `seed` seeds all randomness.

        `images` (n, 3, H, W) and `labels` (n, H, W) are those of `indices`, on the CPU; the result is on the device.
        """
        valid = int(summed((labels != IGNORE).sum()))
        self.optimizer.zero_grad(set_to_none=True)
        losses = torch.zeros(len(PARTS), device=self.device, dtype=images.dtype)
        micro = len(images) // self.train.accumulate
        for start in range(0, len(images), micro):
            part = slice(start, start + micro)
            self._draw.seed, self._draw.batch, self._draw.indices = seed, self.train.batch, self.indices[part]
            steer_gates(self.network, [seed * self.train.batch + index for index in self.indices[part]])
            if world_size() > 1:
                self._parallel.require_backward_grad_sync = part.stop == len(images)
            losses += self._micro_step(images[part], labels[part], valid)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return summed(losses)

    def _micro_step(self, images: Tensor, labels: Tensor, valid: int) -> Tensor:
        images = images.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        labels = labels.to(self.device, non_blocking=True)
        with autocast(self.device, self.train.precision):
            output = self._parallel(images, native=True)
        parts = total_loss(output, labels, self.train, self.network.align_corners, valid)
        # DistributedDataParallel takes the mean of what has to be summed.
        self.scaler.scale(parts["total"] * world_size()).backward()
        # Unlike new_tensor, new_full does not wait for the device.
        nothing = parts["total"].new_full((), float("nan"))
        return torch.stack([parts.get(name, nothing).detach() for name in PARTS])


def _distributed(network: nn.Module, device: torch.device) -> nn.parallel.DistributedDataParallel:
    """`network` whose gradients are averaged over the processes while backward is still at work."""
    made = nn.parallel.DistributedDataParallel
    # Synchronized BN keeps the buffers equal. The option's name has changed in torch 2.15.
    names = inspect.signature(made).parameters
    option = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
    devices = [device] if device.type == "cuda" else None
    return made(network, device_ids=devices, gradient_as_bucket_view=True, **{option: False})
