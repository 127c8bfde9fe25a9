"""Dropout that is a function of (seed, step, place in the global batch)."""

import dataclasses

import torch
from torch import Tensor, nn


@dataclasses.dataclass
class Draw:
    """What masks depend on besides their layer: the step's seed, and which images of the global batch are at hand."""

    seed: int = 0
    batch: int = 0
    indices: list[int] = dataclasses.field(default_factory=list)


def use_fixed_dropout(network: nn.Module) -> Draw:
    """Replace every nn.Dropout2d by a FixedDropout; the returned draw, to be set before each forward, steers them."""
    draw, number = Draw(), 0
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout2d):
                setattr(module, name, FixedDropout(child.p, draw, number))
                number += 1
    return draw


class FixedDropout(nn.Module):
    """nn.Dropout2d whose mask does not depend on how a batch is spread over processes, nor on where a run resumed."""

    def __init__(self, p: float, draw: Draw, number: int):
        super().__init__()
        self.p, self.draw, self.number = p, draw, number

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same with whole channels of an image set to 0 and the others scaled by 1 / (1 - p)."""
        if not self.training or self.p == 0:
            return features
        return features * self._mask(features)

    def _mask(self, features: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.draw.seed * 101 + self.number)
        # Drawn for the whole batch on the CPU: N * C numbers, the same on every device.
        kept = torch.rand(self.draw.batch, features.shape[1], generator=generator) >= self.p
        mask = kept[self.draw.indices].to(features.dtype) / (1 - self.p)
        return mask.to(features.device, non_blocking=True)[:, :, None, None]
