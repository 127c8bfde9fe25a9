"""CCNet: every pixel attends to its row and its column, twice.

Huang et al., "CCNet: Criss-Cross Attention for Semantic Segmentation", ICCV 2019 (arXiv 1811.11721).
Read: mmsegmentation 1.2.2, `CCHead`, and mmcv's `CrissCrossAttention`; the paper from memory.
Faithful: queries and keys of 1/8 of the channels, softmax over H + W - 1 places, the same module twice, gamma from 0,
the result concatenated with layer4.
Not: stride 16, not 8; no category consistent loss, which came with the journal version.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class CrissCrossAttention(nn.Module):
    """x + gamma * attention over the row and the column of each pixel: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, share: int):
        super().__init__()
        self.query = nn.Conv2d(channels, channels // share, 1)
        self.key = nn.Conv2d(channels, channels // share, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query(x), self.key(x), self.value(x)
        height, width = x.shape[-2:]
        column = torch.einsum("nchw,nciw->nhwi", query, key)
        # The pixel itself is in its row already.
        itself = torch.eye(height, dtype=torch.bool, device=x.device)[:, None]
        column = column.masked_fill(itself, -torch.inf)
        row = torch.einsum("nchw,nchj->nhwj", query, key)
        weights = torch.softmax(torch.cat([column, row], dim=3), dim=3).to(value.dtype)
        column, row = weights.split([height, width], dim=3)
        context = torch.einsum("nciw,nhwi->nchw", value, column) + torch.einsum("nchj,nhwj->nchw", value, row)
        return x + self.gamma * context


class Head(nn.Module):
    """Reduction, criss-cross attention `recurrence` times, and a fusion with layer4."""

    def __init__(
        self, config: NetworkConfig, channels: Sequence[int], classes: int, *, recurrence: int, key_share: int
    ):
        super().__init__()
        width = config.reduction
        self.recurrence = recurrence
        self.before = conv_bn_relu(channels[3], width, 3)
        self.attention = CrissCrossAttention(width, key_share)
        self.after = conv_bn_relu(width, width, 3)
        self.fusion = conv_bn_relu(channels[3] + width, width, 3)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = self.before(layers[3])
        for _ in range(self.recurrence):
            features = self.attention(features)
        features = self.fusion(torch.cat([layers[3], self.after(features)], dim=1))
        return self.classifier(features), []
