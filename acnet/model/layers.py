"""The pieces every module is made of: convolution with BN and ReLU, classifier, bilinear upsampling."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Extra(NamedTuple):
    """A further output that a head is trained with: scores of pixels (N, K, h, w), or of classes to occur (N, K)."""

    scores: Tensor
    weight: float


def conv_bn(inputs: int, outputs: int, kernel: int, dilation: int = 1, stride: int = 1) -> nn.Sequential:
    """Convolution (no bias) and BN: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride), rounded up.

    Weights are torch's default for nn.Conv2d, as in the heads of the authors' earlier code.
    """
    padding = kernel // 2 * dilation
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False), nn.BatchNorm2d(outputs)
    )


def conv_bn_relu(inputs: int, outputs: int, kernel: int, dilation: int = 1, stride: int = 1) -> nn.Sequential:
    """`conv_bn` and ReLU."""
    return conv_bn(inputs, outputs, kernel, dilation, stride).append(nn.ReLU(inplace=True))


def classifier(channels: int, classes: int, dropout: float) -> nn.Sequential:
    """Dropout of whole channels, then the 1x1 convolution that scores the classes."""
    return nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(channels, classes, 1))


def upsample(features: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """Bilinear interpolation to `size` (h, w): the paper's up(), Eq. 4."""
    if features.shape[-2:] == torch.Size(size):
        return features
    # On a GPU the gradient is added up by atomics, which in half precision are slow and lose bits.
    exact = at_least_float32(features) if features.is_cuda and features.requires_grad else features
    return F.interpolate(exact, size=size, mode="bilinear", align_corners=align_corners).to(features.dtype)


def at_least_float32(tensor: Tensor) -> Tensor:
    """`tensor` in float32 if it is float16 or bfloat16, as it is otherwise (float64 stays float64)."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
