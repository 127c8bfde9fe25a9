"""DUpsampling: a linear upsampling fitted to the labels.

Tian et al., "Decoders Matter for Semantic Segmentation: Data-Dependent Decoding Enables Flexible Feature Aggregation",
CVPR 2019 (arXiv 1903.02120).
Read: the paper from memory.
Faithful: blocks of labels are compressed linearly with the least squared error, and the inverse transform starts the
upsampling, which is trained on; scores are divided by a learned temperature.
Not: the fit (acnet/train/label_blocks.py) is that error's exact minimum, the leading singular vectors, not SGD; no
Xception, and no aggregation of low-level features; stride 16 without the paper's DeepLabv3+ encoder.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.model.layers import Extra, at_least_float32, classifier, conv_bn_relu
from acnet.params.config import NetworkConfig


class Head(nn.Module):
    """Reduction, a compressed block of labels at each cell, and the linear transform to its pixels' scores.

    Args:
        codes: numbers that a block of labels is compressed to.
        crops: how many training crops the transform is fitted to.
    """

    def __init__(self, config: NetworkConfig, channels: Sequence[int], classes: int, *, codes: int, crops: int):
        super().__init__()
        self.crops, self.classes, self.stride = crops, classes, config.output_stride
        self.reduction = conv_bn_relu(channels[3], config.reduction, 3)
        self.code = classifier(config.reduction, codes, config.dropout)
        self.transform = nn.Conv2d(codes, classes * self.stride**2, 1, bias=False)
        self.temperature = nn.Parameter(torch.ones(()))

    def forward(self, layers: Sequence[Tensor], images: Tensor) -> tuple[Tensor, list[Extra]]:
        codes = at_least_float32(self.code(self.reduction(layers[3])))
        scores = functional.pixel_shuffle(self.transform(codes) / self.temperature, self.stride)
        # The last cells reach beyond an image whose sides are no multiple of the stride.
        return scores[..., : images.shape[-2], : images.shape[-1]], []
