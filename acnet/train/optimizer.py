"""SGD with a larger learning rate for new layers, and the poly schedule (Sec. 4.2)."""

import torch
from torch import nn

from acnet.params.config import TrainingConfig


def build_optimizer(network: nn.Module, train: TrainingConfig) -> torch.optim.SGD:
    """SGD over four groups: backbone and new layers, each with and without weight decay.

    Each group's `factor` multiplies the learning rate: 1 for `network.backbone`, `new_layers_factor` for the rest.
    """
    in_backbone = {id(parameter) for parameter in network.backbone.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        factor = 1.0 if id(parameter) in in_backbone else train.new_layers_factor
        decay = train.weight_decay if _decays(name, parameter, train) else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    optimizer = torch.optim.SGD(
        [{"params": group, "factor": factor, "weight_decay": decay} for (factor, decay), group in groups.items()],
        lr=train.learning_rate,
        momentum=train.momentum,
        fused=True,
    )
    # torch makes them at the first step without filling them, which the scaler of float16 may skip.
    for parameter in network.parameters():
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def poly(base: float, step: int, steps: int, power: float) -> float:
    """The learning rate at `step` of `steps`: base * (1 - step / steps) ** power, per iteration."""
    return base * (1 - step / steps) ** power


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every group its factor times `learning_rate`."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["factor"]


def _decays(name: str, parameter: nn.Parameter, train: TrainingConfig) -> bool:
    if name.rsplit(".", 1)[-1] in ("alpha", "beta"):
        return train.decay_scalars
    return parameter.ndim > 1 or train.decay_norm
