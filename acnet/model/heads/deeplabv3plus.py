"""DeepLabv3+: DeepLabv3's pyramid, refined with a low-level feature at stride 4.

Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation", ECCV 2018
(arXiv 1802.02611).
Read: mmsegmentation 1.2.2, `DepthwiseSeparableASPPHead`; the paper from memory.
Faithful: separable dilated convolutions (6, 12, 18), 48 channels of layer1, two 3x3 convolutions after the
concatenation.
Not: a plain ResNet, not Xception; `reduction` wide (512; the paper 256); no multi-grid; ReLU after the depthwise half
as well, as mmsegmentation has it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.heads.deeplabv3 import ASPP
from acnet.model.layers import Extra, classifier, conv_bn_relu, upsample
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """ASPP upsampled to layer1, concatenated with it, and refined."""

    def __init__(
        self,
        config: NetworkConfig,
        channels: Sequence[int],
        classes: int,
        *,
        rates: list[int],
        fusion_kernel: int,
        low_channels: int,
    ):
        super().__init__()
        width = config.reduction
        self.align_corners = config.align_corners
        self.aspp = ASPP(channels[3], width, rates, fusion_kernel, _separable)
        self.low = conv_bn_relu(channels[0], low_channels, 1)
        self.refinement = nn.Sequential(_separable(width + low_channels, width), _separable(width, width))
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        low = self.low(layers[0])
        high = upsample(self.aspp(layers[3]), low.shape[-2:], self.align_corners)
        return self.classifier(self.refinement(torch.cat([high, low], dim=1))), []


def _separable(inputs: int, outputs: int, rate: int = 1) -> nn.Sequential:
    """A 3x3 convolution of each channel by itself, then a 1x1 over the channels; BN and ReLU after both."""
    each = nn.Conv2d(inputs, inputs, 3, padding=rate, dilation=rate, groups=inputs, bias=False)
    depthwise = nn.Sequential(each, nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
    return nn.Sequential(depthwise, conv_bn_relu(inputs, outputs, 1))
