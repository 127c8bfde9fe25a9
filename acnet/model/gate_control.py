"""Controls for the global gate, which remove its pattern ("constant") or its positions ("shuffled")."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from acnet.distributed import gathered

MOMENTUM = 0.1  # torch's default for BN


class GateControl(nn.Module):
    """Passes the gate W_g on as it is (kind "distance"), or changes it before it is used.

    "constant" replaces it by its running mean over the training, a buffer that starts at 1. In training, the mean is
    updated with the batch first; no gradient flows through it. "shuffled" permutes the pixels of each image.
    `steer_gates` sets `seeds` and `at_test`, a second change on top of the first.
    """

    def __init__(self, kind: Literal["distance", "constant", "shuffled"] = "distance"):
        super().__init__()
        self.kind = kind
        self.at_test = "trained"
        self.seeds: Sequence[int] | None = None
        if kind == "constant":
            self.register_buffer("mean", torch.ones(()))

    def forward(self, gate: Tensor) -> Tensor:
        """(N, 1, H, W) -> the same."""
        return gate if (self.kind, self.at_test) == ("distance", "trained") else self._changed(gate)

    def _changed(self, gate: Tensor) -> Tensor:
        if self.kind == "constant":
            if self.training:
                means = torch.stack([one.mean() for one in gate.detach()])  # by image, in the global batch's order
                self.mean = self.mean.lerp(gathered(means).double().mean().to(self.mean.dtype), MOMENTUM)
            gate = self.mean.to(gate.dtype).expand_as(gate)
        elif self.kind == "shuffled":
            gate = shuffled(gate, self.seeds)
        if self.at_test == "constant":
            return gate.mean((2, 3), keepdim=True).expand_as(gate)
        return shuffled(gate, self.seeds) if self.at_test == "shuffled" else gate


def shuffled(gate: Tensor, seeds: Sequence[int] | None) -> Tensor:
    """The pixels of each image of (N, 1, H, W) in an order drawn with its seed, or without seeds in a random order.

    Orders are drawn on the CPU, so they are the same for every device. Gates of equal size get the same order.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds] if seeds is not None else [None] * len(gate)
    order = torch.stack([torch.randperm(one.numel(), generator=g) for one, g in zip(gate, generators, strict=True)])
    order = order.to(gate.device, non_blocking=True)
    return gate.flatten(2).gather(2, order[:, None]).view_as(gate)


def steer_gates(
    network: nn.Module,
    seeds: Sequence[int],
    at_test: Literal["trained", "constant", "shuffled"] = "trained",
) -> None:
    """Give the gates of `network` the seeds of the images in the next forward pass, and how a protocol changes them.

    `at_test` "constant" is the mean of each gate over its image (or window), "shuffled" as in training.
    """
    for module in network.modules():
        if isinstance(module, GateControl):
            module.seeds, module.at_test = seeds, at_test
