"""Parameters of networks for tests: the paper's rows, and small ones."""

import dataclasses

import torch

from acnet.model import build_network
from acnet.params.config import NetworkConfig
from acnet.params.heads import load_heads
from tests.conftest import ROOT

ACNET = NetworkConfig(backbone="resnet50", base_width=64, block_channels=[448, 256])
CLASSES = 19
SMALL = {
    "backbone": "resnet18",
    "base_width": 8,
    "reduction": 16,
    "local_channels": 8,
    "block_channels": [14, 12],
    "auxiliary_channels": 8,
}
ROWS = {
    "fcn": {"global_context": "none", "local_context": "none", "blocks": 1},
    "gc": {"global_context": "gc", "local_context": "none", "blocks": 1},
    "gcm": {"local_context": "none", "blocks": 1},
    "gcm_lc": {"local_context": "lc", "blocks": 1, "reuse": 1},
    "gcm_lcm1": {"blocks": 1, "reuse": 1},
    "gcm_lcm2": {"blocks": 1, "reuse": 2},
    "acb1": {"blocks": 1},
    "acb2": {"blocks": 2},
    "acb3": {},
    "r101_acb3": {"backbone": "resnet101", "auxiliary": True},
    "fcn_lc": {"global_context": "none", "local_context": "lc", "blocks": 1, "reuse": 1},
}
HEADS = {
    name: {key: entry.value for key, entry in layer.items()} for name, layer in load_heads(ROOT / "params").items()
}


def full(row: str, **changes) -> NetworkConfig:
    """One of the paper's networks at its real width."""
    return dataclasses.replace(ACNET, **{**ROWS[row], **changes})


def small(row: str = "acb3", seed: int = 0, classes: int = 5, **changes):
    """A narrow network of the same make, from a seed."""
    torch.manual_seed(seed)
    return build_network(full(row, **{**SMALL, **changes}), classes)


def randomise(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Give BN its own statistics and every scalar another value than 1, so that none can be forgotten unnoticed."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for tensor in (layer.weight, layer.running_var):
                tensor.data.uniform_(0.5, 1.5, generator=generator)
            for tensor in (layer.bias, layer.running_mean):
                tensor.data.normal_(0, 0.3, generator=generator)
    for name, parameter in module.named_parameters():
        if name.rsplit(".", 1)[-1] in ("alpha", "beta"):
            parameter.data.uniform_(0.6, 1.4, generator=generator)
    return module


def with_head(name, **changes):
    """A narrow network with the head of that name, of which no part is switched off by a scalar that starts at 0."""
    network = randomise(small("fcn", head=name, head_options=HEADS[name], **changes))
    for parameter_name, parameter in network.named_parameters():
        if parameter_name.endswith("gamma"):
            parameter.data.fill_(0.5)
    return network


def batch(dtype=torch.float32, images=3, side=49):
    """Images and labels of five classes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (images, side, side), generator=generator)
    return torch.randn(images, 3, side, side, generator=generator, dtype=dtype), labels
