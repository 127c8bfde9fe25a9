"""DeepLabv3: parallel convolutions of several dilations, and image pooling.

Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", arXiv 1706.05587 (2017).
Read: torchvision 0.29, `ASPP`, and mmsegmentation 1.2.2, `ASPPHead`; the paper from memory.
Faithful: 1x1, three dilated 3x3 (6, 12, 18 at stride 16) and image-level features, concatenated, a 1x1 convolution;
stride 16.
Not: `reduction` wide (512; the paper 256); no multi-grid (`multi_grid: [2, 4, 8]` switches it on); no dropout of 0.5
after the pyramid, which torchvision has.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: (N, C, H, W) -> (N, width, H, W). `kernel` is that of the fusion.

    `dilated` makes the branch for a rate from channels, width and rate.
    """

    def __init__(self, channels: int, width: int, rates: list[int], kernel: int, dilated: Callable[..., nn.Module]):
        super().__init__()
        self.pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_bn_relu(channels, width, 1))
        self.plain = conv_bn_relu(channels, width, 1)
        self.dilated = nn.ModuleList(dilated(channels, width, rate) for rate in rates)
        self.fusion = conv_bn_relu((2 + len(rates)) * width, width, kernel)

    def forward(self, features: Tensor) -> Tensor:
        plain = self.plain(features)
        branches = [self.pooling(features).expand_as(plain), plain, *(branch(features) for branch in self.dilated)]
        return self.fusion(torch.cat(branches, dim=1))


class Head(nn.Module):
    """ASPP and a classifier."""

    def __init__(
        self, config: NetworkConfig, channels: Sequence[int], classes: int, *, rates: list[int], fusion_kernel: int
    ):
        super().__init__()
        self.aspp = ASPP(channels[3], config.reduction, rates, fusion_kernel, _dilated)
        self.classifier = classifier(config.reduction, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        return self.classifier(self.aspp(layers[3])), []


def _dilated(channels: int, width: int, rate: int) -> nn.Module:
    return conv_bn_relu(channels, width, 3, rate)
