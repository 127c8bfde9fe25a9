"""Alphas, betas and the number of parameters of a network."""

from torch import nn


def context_scalars(network: nn.Module) -> dict[str, nn.Parameter]:
    """Every alpha (Eq. 3) and beta (Eq. 5) by its name in the network, e.g. "blocks.0.global_context.alpha"."""
    return {name: p for name, p in network.named_parameters() if name.rsplit(".", 1)[-1] in ("alpha", "beta")}


def count_parameters(network: nn.Module) -> int:
    """Number of trainable values; works on the "meta" device too."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
