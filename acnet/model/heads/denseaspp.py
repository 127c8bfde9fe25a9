"""DenseASPP: dilated convolutions, each on all that came before it.

Yang et al., "DenseASPP for Semantic Segmentation in Street Scenes", CVPR 2018.
Read: the beginning of two public ports of the authors' code; the paper from memory.
Faithful: rates 3, 6, 12, 18, 24; before each a 1x1 convolution to 1/2 of the base's channels, each layer adds 1/8 of
them; BN and ReLU come before their convolutions; the classifier sees the base and all layers.
Not: a ResNet, not DenseNet; a 3x3 convolution makes the base of layer4; stride 16, not 8.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """A base and densely connected dilated layers."""

    def __init__(
        self,
        config: NetworkConfig,
        channels: Sequence[int],
        classes: int,
        *,
        rates: list[int],
        inner_share: int,
        growth_share: int,
    ):
        super().__init__()
        width = config.reduction
        growth = width // growth_share
        self.base = conv_bn_relu(channels[3], width, 3)
        self.dense = nn.ModuleList(
            _layer(width + number * growth, width // inner_share, growth, rate, config.dropout)
            for number, rate in enumerate(rates)
        )
        self.classifier = classifier(width + len(rates) * growth, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = self.base(layers[3])
        for layer in self.dense:
            features = torch.cat([layer(features), features], dim=1)
        return self.classifier(features), []


def _layer(inputs: int, inner: int, outputs: int, rate: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, inner, 1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        nn.Conv2d(inner, outputs, 3, padding=rate, dilation=rate),
        nn.Dropout2d(dropout),
    )
