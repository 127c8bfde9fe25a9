"""UPerNet: pyramid pooling on top of a feature pyramid.

Xiao et al., "Unified Perceptual Parsing for Scene Understanding", ECCV 2018 (arXiv 1807.10221).
Read: mmsegmentation 1.2.2, `UPerHead`; the paper from memory.
Faithful: pools of 1, 2, 3 and 6 cells on layer4, lateral 1x1 and output 3x3 convolutions, fusion of all levels at
stride 4.
Not: a variant. The original's backbone is not dilated, so that its levels have strides 4, 8, 16 and 32; here they
have 4, 8, 16 and 16. Only the pixel classes of the dataset, none of its other tasks; levels are as wide as
`reduction`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.heads.pspnet import PyramidPooling
from acnet.model.layers import Extra, classifier, conv_bn_relu, upsample
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """A feature pyramid from pyramid pooling down to layer1, its levels concatenated there."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, pools: list[int]):
        super().__init__()
        width = config.reduction
        self.align_corners = config.align_corners
        self.pooling = PyramidPooling(channels[3], width, pools, width, config.align_corners)
        self.laterals = nn.ModuleList(conv_bn_relu(low, width, 1) for low in channels[:3])
        self.outputs = nn.ModuleList(conv_bn_relu(width, width, 3) for _ in channels[:3])
        self.fusion = conv_bn_relu(4 * width, width, 3)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        levels = [self.pooling(layers[3])]
        for lateral, low in zip(reversed(self.laterals), reversed(layers[:3]), strict=True):
            levels.insert(0, lateral(low) + upsample(levels[0], low.shape[-2:], self.align_corners))
        levels[:3] = [output(level) for output, level in zip(self.outputs, levels[:3], strict=True)]
        size = levels[0].shape[-2:]
        fused = self.fusion(torch.cat([upsample(level, size, self.align_corners) for level in levels], dim=1))
        return self.classifier(fused), []
