"""PSANet: every pixel predicts an attention map of its own, by which it collects and distributes information.

Zhao et al., "PSANet: Point-wise Spatial Attention Network for Scene Parsing", ECCV 2018.
Read: the authors' semseg, model/psanet.py, and the semantics of its mask operator; the paper from memory.
Faithful: two branches, over-complete maps of relative positions at half the resolution, softmax over the sources, a
1x1 convolution back to layer4's channels, concatenation, a 3x3 convolution.
Not: stride 16, not 8. At other sizes than the training crop's, positions beyond the map are left out of the softmax;
the original tests by windows of the crop's size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acnet.model.layers import Extra, classifier, conv_bn_relu, upsample
from acnet.params.config import NetworkConfig


class Attention(nn.Module):
    """One branch: (N, C, H, W) -> (N, width, h, w) at half the size.

    Args:
        mask: side of the predicted map of relative positions, odd; 2 h - 1 lets every pixel reach every other.
        collect: whether a pixel's map weighs where it takes from, or else where it gives to.
    """

    def __init__(self, channels: int, width: int, mask: int, collect: bool):
        super().__init__()
        self.mask, self.collect = mask, collect
        self.reduction = conv_bn_relu(channels, width, 1)
        self.maps = nn.Sequential(conv_bn_relu(width, width, 1), nn.Conv2d(width, mask**2, 1, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        size = [(side + 1) // 2 for side in features.shape[-2:]]
        x = upsample(self.reduction(features), size, True)
        offsets, outside = self._offsets(*size, x.device)
        maps = self.maps(x).flatten(2)  # (N, positions, the pixel whose map it is)
        energy = maps.gather(1, offsets.expand(len(x), -1, -1)).masked_fill(outside, -torch.inf)
        if not self.collect:
            energy = energy.transpose(1, 2)
        weights = torch.softmax(energy, dim=1).to(x.dtype)  # (N, source, target)
        return (x.flatten(2) @ weights).view_as(x)

    def _offsets(self, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Of each pixel (first axis) the place in the map of each other (second), and whether it is beyond the map."""
        rows = torch.arange(height, device=device).repeat_interleave(width)
        columns = torch.arange(width, device=device).repeat(height)
        down, right = (axis[:, None] - axis + self.mask // 2 for axis in (rows, columns))
        outside = (down < 0) | (down >= self.mask) | (right < 0) | (right >= self.mask)
        return (down * self.mask + right).masked_fill(outside, 0), outside


class Head(nn.Module):
    """Both branches, brought back to layer4 and concatenated with it."""

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, mask: int):
        super().__init__()
        width = config.reduction
        self.branches = nn.ModuleList(Attention(channels[3], width, mask, collect) for collect in (True, False))
        self.projection = conv_bn_relu(2 * width, channels[3], 1)
        self.fusion = conv_bn_relu(2 * channels[3], width, 3)
        self.classifier = classifier(width, classes, config.dropout)

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        context = self.projection(torch.cat([branch(layers[3]) for branch in self.branches], dim=1))
        context = upsample(context, layers[3].shape[-2:], True)
        return self.classifier(self.fusion(torch.cat([layers[3], context], dim=1))), []
