"""A learned gate on the low-level feature, where ACNet takes its gate from a distance.

The cross-level gating decoder of Fu et al., "Scene Segmentation With Dual Relation-Aware Attention Network" (DRANet),
IEEE TNNLS 2020, by ACNet's own authors and later than it.
Read: the authors' `CLGD`.
Faithful: 32 low-level channels, a gate for each pixel by a 1x1 convolution and a sigmoid over low and high features,
a learned factor from 1, two 3x3 convolutions after the concatenation.
Not: DRANet's attention, so that the gate is what differs; the second convolution has half the first's width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu, upsample
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """Reduced features upsampled to layer1, which enters gated."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, low_channels: int):
        super().__init__()
        width = config.reduction
        self.align_corners = config.align_corners
        self.reduction = conv_bn_relu(channels[3], width, 3)
        self.low = conv_bn_relu(channels[0], low_channels, 3)
        self.gate = nn.Sequential(nn.Conv2d(width + low_channels, 1, 1), nn.Sigmoid())
        self.gamma = nn.Parameter(torch.ones(()))
        self.fusion = nn.Sequential(conv_bn_relu(width + low_channels, width, 3), conv_bn_relu(width, width // 2, 3))
        self.classifier = classifier(width // 2, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        low = self.low(layers[0])
        high = upsample(self.reduction(layers[3]), low.shape[-2:], self.align_corners)
        gate = self.gate(torch.cat([low, high], dim=1))
        return self.classifier(self.fusion(torch.cat([self.gamma * gate * low, high], dim=1))), []
