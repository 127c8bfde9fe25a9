"""A plain FCN head whose 3x3 convolutions are dilated by 6.

No paper has it: it is mmsegmentation's FCN-D6, after Long et al., "Fully Convolutional Networks for Semantic
Segmentation", CVPR 2015 (arXiv 1411.4038), and tells what a wide view is worth without any context module.
Read: mmsegmentation 1.2.2, `FCNHead` and the configuration fcn-d6_r50.
Faithful: two dilated convolutions, a plain one over the input concatenated with their result.
Not: stride 16 as everywhere here; mmsegmentation also has 8.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """Two dilated convolutions and one over layer4 concatenated with their result."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, rate: int):
        super().__init__()
        width = config.reduction
        self.dilated = nn.Sequential(conv_bn_relu(channels[3], width, 3, rate), conv_bn_relu(width, width, 3, rate))
        self.fusion = conv_bn_relu(channels[3] + width, width, 3)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = torch.cat([layers[3], self.dilated(layers[3])], dim=1)
        return self.classifier(self.fusion(features)), []
