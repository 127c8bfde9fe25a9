"""CCL: local features in contrast to their context, in a chain, and a gated sum of the scores along it.

Ding et al., "Context Contrasted Feature and Gated Multi-Scale Aggregation for Scene Segmentation", CVPR 2018.
Read: the abstract, summaries of the paper, and a public form of the block; its own code (MatConvNet) has no network.
Faithful: a block subtracts a dilated convolution from a plain one, blocks are chained, each is scored, gates for
every pixel and scale come from a recurrence along the chain and weigh the scores.
Not: the form of the recurrence, the number of blocks and the dilation, which are ours; no scores of lower layers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn, conv_bn_relu
from acnet.params.config import NetworkConfig


class ContrastedBlock(nn.Module):
    """ReLU of a local minus a context convolution, BN after both: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, rate: int):
        super().__init__()
        self.local = conv_bn(channels, channels, 3)
        self.context = conv_bn(channels, channels, 3, rate)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.local(features) - self.context(features))


class Head(nn.Module):
    """A chain of contrasted blocks, and a sum of their scores by gates that add up to the number of blocks."""

    def __init__(
        self, config: NetworkConfig, channels: Sequence[int], classes: int, *, blocks: int, rate: int, gate_share: int
    ):
        super().__init__()
        width, hidden = config.reduction, config.reduction // gate_share
        self.reduction = conv_bn_relu(channels[3], width, 3)
        self.chain = nn.ModuleList(ContrastedBlock(width, rate) for _ in range(blocks))
        self.classifiers = nn.ModuleList(classifier(width, classes, config.dropout) for _ in range(blocks))
        self.inputs = nn.ModuleList(nn.Conv2d(width, hidden, 1) for _ in range(blocks))
        self.recurrence = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.gates = nn.Conv2d(blocks * hidden, blocks, 1)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features, state = self.reduction(layers[3]), 0
        scores, states = [], []
        for block, score, enter in zip(self.chain, self.classifiers, self.inputs, strict=True):
            features = block(features)
            scores.append(score(features))
            state = torch.tanh(enter(features) + (self.recurrence(state) if states else 0))
            states.append(state)
        gates = len(scores) * torch.softmax(self.gates(torch.cat(states, dim=1)), dim=1)
        return sum(gates[:, i : i + 1] * score for i, score in enumerate(scores)), []
