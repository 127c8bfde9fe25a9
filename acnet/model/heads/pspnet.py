"""PSPNet: averages over regions of four sizes beside every pixel.

Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017 (arXiv 1612.01105).
Read: mmsegmentation 1.2.2, `PSPHead`; the paper from memory.
Faithful: pools of 1, 2, 3 and 6 cells, to each a 1x1 convolution to 1/4 of layer4's channels, upsampled, concatenated
with layer4, a 3x3 convolution.
Not: stride 16, not 8; the auxiliary loss (0.4) is the recipe's, for all or none; a deep stem.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu, upsample
from acnet.params.config import NetworkConfig


class PyramidPooling(nn.Module):
    """Features and their means over grids of `pools` cells, fused by a 3x3: (N, C, H, W) -> (N, width, H, W)."""

    def __init__(self, channels: int, width: int, pools: list[int], level: int, align_corners: bool):
        super().__init__()
        self.align_corners = align_corners
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(cells), conv_bn_relu(channels, level, 1)) for cells in pools
        )
        self.fusion = conv_bn_relu(channels + len(pools) * level, width, 3)

    def forward(self, features: Tensor) -> Tensor:
        size = features.shape[-2:]
        pooled = [upsample(level(features), size, self.align_corners) for level in self.levels]
        return self.fusion(torch.cat([features, *pooled], dim=1))


class Head(nn.Module):
    """Pyramid pooling and a classifier."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, pools: list[int]):
        super().__init__()
        level = channels[3] // len(pools)
        self.pooling = PyramidPooling(channels[3], config.reduction, pools, level, config.align_corners)
        self.classifier = classifier(config.reduction, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        return self.classifier(self.pooling(layers[3])), []
