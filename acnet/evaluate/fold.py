"""Batch normalisation folded into the convolutions before it: in eval mode the same network, with less to do."""

import copy
import functools
import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Inference(nn.Module):
    """A network in eval mode for inference: folded in float32, as it is under autocast.

    There a folded bias would be rounded like everything else, and BN's own float32 sums would be lost: on CamVid that
    costs 0.1 points of mIoU.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    @functools.cached_property
    def _folded(self) -> nn.Module:
        return fold(copy.deepcopy(self.network))

    def forward(self, images: Tensor, native: bool = False) -> dict:
        """What the network gives."""
        exact = not torch.is_autocast_enabled(images.device.type)
        return (self._folded if exact else self.network)(images, native=native)


def fold(network: nn.Module) -> nn.Module:
    """Fold every BatchNorm2d of `network`, in eval mode, into its convolution, and return it; changes it in place."""
    for module in list(network.modules()):
        for (conv_parent, conv_name), norm_name in list(_pairs(module)):
            conv, norm = getattr(conv_parent, conv_name), getattr(module, norm_name)
            setattr(conv_parent, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, nn.Identity())
    return network


def _pairs(module: nn.Module) -> Iterator[tuple[tuple[nn.Module, str], str]]:
    """(where a convolution is held, its name), the name of the normalisation that `module` puts behind it."""
    children = dict(module.named_children())
    names = list(children)
    for before, name in itertools.pairwise(names):
        if not isinstance(children[name], nn.BatchNorm2d):
            continue
        holder, held = module, before
        while isinstance(getattr(holder, held), nn.Sequential):  # the deep stem: its last convolution
            holder = getattr(holder, held)
            held = list(dict(holder.named_children()))[-1]
        if isinstance(getattr(holder, held), nn.Conv2d):
            yield (holder, held), name
