"""DANet: self-attention over positions and over channels, summed; by ACNet's own authors.

Fu et al., "Dual Attention Network for Scene Segmentation", CVPR 2019 (arXiv 1809.02983).
Read: mmsegmentation 1.2.2, `DAHead`; the paper and the authors' code from memory.
Faithful: a 3x3 convolution before and after each attention, queries and keys of 1/8 of the channels, channel
attention over the maximum minus the energy, both gammas from 0, a loss on the sum and one on each branch.
Not: stride 16, not 8; no multi-grid.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, at_least_float32, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class PositionAttention(nn.Module):
    """x + gamma * softmax(query key) value over all pixels: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, share: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(()))
        self.key = nn.Conv2d(channels, channels // share, 1)
        self.query = nn.Conv2d(channels, channels // share, 1)
        self.value = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (layer(x).flatten(2) for layer in (self.query, self.key, self.value))
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=2).to(value.dtype)
        return x + self.gamma * (value @ weights.transpose(1, 2)).view_as(x)


class ChannelAttention(nn.Module):
    """x + gamma * attention over the channels, most to those that are least alike: (N, C, H, W) -> the same."""

    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        energy = at_least_float32(flat @ flat.transpose(1, 2))
        weights = torch.softmax(energy.amax(dim=2, keepdim=True) - energy, dim=2).to(flat.dtype)
        return x + self.gamma * (weights @ flat).view_as(x)


class Head(nn.Module):
    """Two branches of attention, their sum scored, and in training each of them."""

    def __init__(
        self, config: NetworkConfig, channels: Sequence[int], classes: int, *, key_share: int, branch_weight: float
    ):
        super().__init__()
        width = config.reduction
        self.branch_weight = branch_weight
        attentions = (PositionAttention(width, key_share), ChannelAttention())
        self.branches = nn.ModuleList(
            nn.Sequential(conv_bn_relu(channels[3], width, 3), attention, conv_bn_relu(width, width, 3))
            for attention in attentions
        )
        self.classifiers = nn.ModuleList(classifier(width, classes, config.dropout) for _ in attentions)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = [branch(layers[3]) for branch in self.branches]
        scores = self.classifier(features[0] + features[1])
        if not self.training:
            return scores, []
        pairs = zip(self.classifiers, features, strict=True)
        return scores, [Extra(one(feature), self.branch_weight) for one, feature in pairs]
