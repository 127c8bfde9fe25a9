"""GCU: pixels are assigned to a few vertices, which exchange information by a graph convolution.

Li, Gupta, "Beyond Grids: Learning Graph Representations for Visual Recognition", NeurIPS 2018.
Read: the paper from memory.
Faithful: soft assignment by distances scaled with a learned deviation in (0, 1), normalised mean residuals as
vertices, their inner products as adjacency, a graph convolution with ReLU, reprojection by the same assignment,
several units side by side (2, 4, 8, 32 vertices), concatenated with the features.
Not: centres start at random, not from k-means; the units together are as wide as the features, which is ours; stride
16, not 8.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.model.layers import Extra, at_least_float32, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class GraphUnit(nn.Module):
    """Projection, graph convolution, reprojection: (N, C, H, W) -> (N, outputs, H, W)."""

    def __init__(self, channels: int, outputs: int, vertices: int):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(vertices, channels))
        self.deviations = nn.Parameter(torch.zeros(vertices, channels))  # before the sigmoid
        self.weight = nn.Linear(channels, outputs, bias=False)

    def assign(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (N, P, C), at least float32 -> assignment (N, P, V) and vertices (N, V, C) of length 1."""
        deviations = torch.sigmoid(self.deviations)
        precision = deviations**-2
        # The sum over channels of ((x - c) / s)^2 without (N, P, V, C).
        squares = x.square() @ precision.T - 2 * x @ (precision * self.centres).T
        squares = squares + (precision * self.centres.square()).sum(1)
        assignment = torch.softmax(-squares / 2, dim=2)
        mass = assignment.sum(1)[..., None]
        # A vertex without pixels has the residual 0.
        means = assignment.transpose(1, 2) @ x / mass.clamp(min=1e-6)
        residuals = (means - self.centres * (mass / mass.clamp(min=1e-6))) / deviations
        return assignment, functional.normalize(residuals, dim=2)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            x = at_least_float32(features).flatten(2).transpose(1, 2)
            assignment, vertices = self.assign(x)
            adjacency = vertices @ vertices.transpose(1, 2)
            vertices = torch.relu(self.weight(adjacency @ vertices))
            result = (assignment @ vertices).transpose(1, 2)
        return result.unflatten(2, features.shape[-2:]).to(features.dtype)


class Head(nn.Module):
    """Reduced features beside the units' results."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, vertices: list[int]):
        super().__init__()
        width, share = config.reduction, config.reduction // len(vertices)
        self.reduction = conv_bn_relu(channels[3], width, 3)
        self.units = nn.ModuleList(GraphUnit(width, share, count) for count in vertices)
        self.fusion = conv_bn_relu(width + share * len(vertices), width, 1)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        features = self.reduction(layers[3])
        features = self.fusion(torch.cat([features, *(unit(features) for unit in self.units)], dim=1))
        return self.classifier(features), []
