"""EncNet: codewords summarise the image, scale its channels and predict which classes occur.

Zhang et al., "Context Encoding for Semantic Segmentation", CVPR 2018 (arXiv 1803.08904).
Read: mmsegmentation 1.2.2, `EncHead` and `Encoding`; the paper from memory.
Faithful: 32 codewords with learned smoothing factors, BN and ReLU over the codes, their mean, sigmoid factors for the
channels, the presence loss (semantic encoding loss) with weight 0.2.
Not: stride 16, not 8; the presence loss on layer4 only, not on layer3 as well; no lateral connections.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, at_least_float32, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class Encoding(nn.Module):
    """Residuals from each codeword, summed over the pixels by soft assignment: (N, C, H, W) -> (N, codes, C)."""

    def __init__(self, channels: int, codes: int):
        super().__init__()
        limit = (codes * channels) ** -0.5
        self.codewords = nn.Parameter(torch.empty(codes, channels).uniform_(-limit, limit))
        self.scale = nn.Parameter(torch.empty(codes).uniform_(-1, 0))

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            x = at_least_float32(features).flatten(2).transpose(1, 2)  # (N, pixels, C)
            # |x - c|^2 = |x|^2 - 2 x c + |c|^2 needs no (N, pixels, codes, C).
            squares = x.square().sum(2, keepdim=True) + self.codewords.square().sum(1) - 2 * x @ self.codewords.T
            weights = torch.softmax(self.scale * squares, dim=2).transpose(1, 2)  # (N, codes, pixels)
            return weights @ x - weights.sum(2, keepdim=True) * self.codewords


class Head(nn.Module):
    """Features whose channels the encoding of the image scales; in training also the presence of the classes."""

    def __init__(
        self, config: NetworkConfig, channels: Sequence[int], classes: int, *, codewords: int, presence_weight: float
    ):
        super().__init__()
        width = config.reduction
        self.presence_weight = presence_weight
        self.reduction = conv_bn_relu(channels[3], width, 3)
        self.projection = conv_bn_relu(width, width, 1)
        self.encoding = Encoding(width, codewords)
        # Over images and channels of a code: a BatchNorm1d, which the training does not know.
        self.norm = nn.BatchNorm2d(codewords)
        self.factors = nn.Linear(width, width)
        self.presence = nn.Linear(width, classes)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = self.reduction(layers[3])
        codes = self.encoding(self.projection(features))
        code = torch.relu(self.norm(codes[..., None])).mean((1, 3))
        factors = torch.sigmoid(self.factors(code))[:, :, None, None]
        scores = self.classifier(torch.relu(features + features * factors))
        return scores, [Extra(self.presence(code), self.presence_weight)] if self.training else []
