"""ParseNet: the global average beside every pixel, both normalised.

Liu, Rabinovich, Berg, "ParseNet: Looking Wider to See Better", arXiv 1506.04579 (2015).
Read: descriptions of the paper and of its `Normalize` layer; the paper from memory.
Faithful: global average pooling, unpooling by replication, L2 normalisation over the channels at each pixel of both,
a learned scale for each channel, concatenation, classifier.
Not: VGG-16, whose own layers it joins; here a 3x3 convolution reduces layer4 first.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.model.layers import Extra, at_least_float32, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """The reduced features and their mean over the image, each normalised and scaled."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, scale: float):
        super().__init__()
        width = config.reduction
        self.reduction = conv_bn_relu(channels[3], width, 3)
        self.local_scale = nn.Parameter(torch.full((width, 1, 1), scale))
        self.global_scale = nn.Parameter(torch.full((width, 1, 1), scale))
        self.classifier = classifier(2 * width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = self.reduction(layers[3])
        mean = features.mean((2, 3), keepdim=True)
        both = [self.local_scale * _normalised(features), (self.global_scale * _normalised(mean)).expand_as(features)]
        return self.classifier(torch.cat(both, dim=1)), []


def _normalised(features: Tensor) -> Tensor:
    """(N, C, H, W) over its L2 norm at each pixel, a sum of C squares for which half precision has too few digits."""
    return functional.normalize(at_least_float32(features), dim=1).to(features.dtype)
