"""RefineNet: four blocks from coarse to fine, each with residual convolutions and chained pooling.

Lin et al., "RefineNet: Multi-Path Refinement Networks for High-Resolution Semantic Segmentation", CVPR 2017
(arXiv 1611.06612).
Read: public forms of its blocks; the paper from memory.
Faithful: two residual units on each input, fusion by 3x3 convolutions and addition at the finer size, chained
residual pooling of two stages (5x5), one residual unit after it, two more before the classifier; half the width (256
beside 512) in the three finer blocks.
Not: BN after every convolution, where the original has none: without it the loss diverges at this recipe's learning
rate; a dilated backbone, with which the coarsest layers have strides 16 and 16, not 16 and 32.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn, upsample
from acnet.params.config import NetworkConfig


class ResidualUnit(nn.Module):
    """x + 3x3(ReLU(3x3(ReLU(x)))): (N, C, H, W) -> the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = conv_bn(channels, channels, 3), conv_bn(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class ChainedPooling(nn.Module):
    """ReLU, then a chain of 5x5 maxima and convolutions, each added: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, stages: int):
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(5, 1, 2), conv_bn(channels, channels, 3)) for _ in range(stages)
        )

    def forward(self, x: Tensor) -> Tensor:
        total = x = torch.relu(x)
        for stage in self.stages:
            x = stage(x)
            total = total + x
        return total


class Block(nn.Module):
    """A feature and, unless it is the first, the coarser block's result: -> (N, width, H, W) at the feature's size."""

    def __init__(self, channels: int, coarser: int | None, width: int, stages: int, align_corners: bool):
        super().__init__()
        self.align_corners = align_corners
        self.entry = conv_bn(channels, width, 3)
        self.units = nn.Sequential(ResidualUnit(width), ResidualUnit(width))
        if coarser is not None:
            self.coarser_units = nn.Sequential(ResidualUnit(coarser), ResidualUnit(coarser))
            self.fusion = nn.ModuleList([conv_bn(width, width, 3), conv_bn(coarser, width, 3)])
        self.after = nn.Sequential(ChainedPooling(width, stages), ResidualUnit(width))

    def forward(self, feature: Tensor, coarser: Tensor | None) -> Tensor:
        x = self.units(self.entry(feature))
        if coarser is not None:
            context = self.fusion[1](self.coarser_units(coarser))
            x = self.fusion[0](x) + upsample(context, x.shape[-2:], self.align_corners)
        return self.after(x)


class Head(nn.Module):
    """Blocks for layer4 to layer1, two residual units, a classifier."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, pooling_stages: int):
        super().__init__()
        widths = [config.reduction // 2] * 3 + [config.reduction]
        self.blocks = nn.ModuleList(
            Block(channel, coarser, width, pooling_stages, config.align_corners)
            for channel, coarser, width in zip(channels, [*widths[1:], None], widths, strict=True)
        )
        self.last = nn.Sequential(ResidualUnit(widths[0]), ResidualUnit(widths[0]))
        self.classifier = classifier(widths[0], classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        x = None
        for block, layer in zip(reversed(self.blocks), reversed(layers), strict=True):
            x = block(layer, x)
        return self.classifier(self.last(x)), []
