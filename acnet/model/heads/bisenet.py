"""BiSeNet: a shallow path that sees the image at stride 8 beside the deep one.

Yu et al., "BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation", ECCV 2018 (arXiv 1808.00897).
Read: mmsegmentation 1.2.2, `BiSeNetV1` and its configuration; the paper from memory.
Faithful: the spatial path, attention refinement of layer3 and layer4, the global feature added, feature fusion, two
further losses with the weight of the main one. At `reduction` 512 every width is mmsegmentation's.
Not: a dilated backbone of any depth: layer4 has stride 16, not 32, which costs most of what makes it fast. The factors
of feature fusion come from one 1x1 convolution with BN and ReLU, as in mmsegmentation; the paper has more, without BN.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.model.layers import Extra, classifier, conv_bn, conv_bn_relu
from acnet.params.config import NetworkConfig


class Refinement(nn.Module):
    """3x3 convolution, then each channel times a factor from its mean: (N, C, H, W) -> (N, width, H, W)."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.convolution = conv_bn_relu(channels, width, 3)
        self.factors = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_bn(width, width, 1), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        x = self.convolution(features)
        return x * self.factors(x)


class Head(nn.Module):
    """Spatial path and context path, fused at stride 8; the context path is scored too in training."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, context_weight: float):
        super().__init__()
        narrow, context, fused = config.reduction // 8, config.reduction // 4, config.reduction // 2
        self.context_weight = context_weight
        self.refinements = nn.ModuleList(Refinement(channel, context) for channel in channels[2:])
        self.after = nn.ModuleList(conv_bn_relu(context, context, 3) for _ in range(2))
        self.pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv_bn_relu(channels[3], context, 1))
        self.spatial = nn.Sequential(
            conv_bn_relu(3, narrow, 7, stride=2),
            *(conv_bn_relu(narrow, narrow, 3, stride=2) for _ in range(2)),
            conv_bn_relu(narrow, context, 1),
        )
        self.fusion = conv_bn_relu(2 * context, fused, 1)
        self.factors = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_bn_relu(fused, fused, 1), nn.Sigmoid())
        self.classifier = nn.Sequential(conv_bn_relu(fused, fused, 3), *classifier(fused, classes, config.dropout))
        self.classifiers = nn.ModuleList(
            nn.Sequential(conv_bn_relu(context, narrow, 3), *classifier(narrow, classes, config.dropout))
            for _ in range(2)
        )

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        layer3, layer4 = layers[2:]
        deep = self.refinements[1](layer4) + self.pooling(layer4)
        deep = self.after[1](functional.interpolate(deep, layer3.shape[-2:]))
        spatial = self.spatial(images)
        context = self.after[0](functional.interpolate(self.refinements[0](layer3) + deep, spatial.shape[-2:]))
        x = self.fusion(torch.cat([spatial, context], dim=1))
        scores = self.classifier(x * self.factors(x) + x)
        if not self.training:
            return scores, []
        pairs = zip(self.classifiers, (context, deep), strict=True)
        return scores, [Extra(one(features), self.context_weight) for one, features in pairs]
