"""SGD with a larger rate for new layers, and the poly schedule (Sec. 4.2)."""

import torch
from torch import nn

from acnet.params.training import TrainingConfig


def build_optimiser(network: nn.Module, train: TrainingConfig) -> torch.optim.SGD:
    """SGD over four groups: backbone and new layers, each with and without weight decay.

    Each group's `factor` multiplies the schedule's rate: 1 for `network.backbone`, `new_layers_factor` for the rest.
    """
    in_backbone = {id(parameter) for parameter in network.backbone.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        factor = 1.0 if id(parameter) in in_backbone else train.new_layers_factor
        decay = train.weight_decay if _decays(name, parameter, train) else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    optimiser = torch.optim.SGD(
        [{"params": group, "factor": factor, "weight_decay": decay} for (factor, decay), group in groups.items()],
        lr=train.learning_rate,
        momentum=train.momentum,
        fused=True,
    )
    # torch makes them at the first step without filling them, which the scaler of float16 may skip.
    for parameter in network.parameters():
        optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimiser


def poly(base: float, step: int, steps: int, power: float) -> float:
    """The rate at `step` of `steps`: base * (1 - step / steps) ** power, per iteration."""
    return base * (1 - step / steps) ** power


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its factor times `rate`."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]


def _decays(name: str, parameter: nn.Parameter, train: TrainingConfig) -> bool:
    if name.rsplit(".", 1)[-1] in ("alpha", "beta"):
        return train.decay_scalars
    return parameter.ndim > 1 or train.decay_norm
