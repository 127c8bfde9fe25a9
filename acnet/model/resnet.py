"""Dilated ResNet-18/34/50/101 (He et al. 2016), with torchvision's names so that its weights load."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn


def _conv3x3(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, both with the block's dilation; ResNet-18 and -34."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, downsample: nn.Module | None):
        super().__init__()
        self.conv1 = _conv3x3(inputs, planes, stride, dilation)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = _conv3x3(planes, planes, 1, dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride and the dilation, 1x1 to four times the planes; ResNet-50 and -101."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, downsample: nn.Module | None):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = _conv3x3(planes, planes, stride, dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


BACKBONES = {
    "resnet10": (BasicBlock, (1, 1, 1, 1)),
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
}
_STRIDES = {16: (1, 2, 2, 1), 8: (1, 2, 1, 1)}
_RATES = {16: (1, 1, 1, 2), 8: (1, 1, 2, 4)}


def dilations(
    blocks: Sequence[int], output_stride: int, rule: Literal["uniform", "prior"], multi_grid: Sequence[int] | None
) -> list[list[int]]:
    """The rate of every residual block, layer by layer (Sec. 4.2: (2, 2, 2) in the last layer at stride 16).

    "uniform" gives all blocks of a layer the layer's rate. "prior" (torchvision, PyTorch-Encoding) leaves the
    first block of a dilated layer at the rate of the layer before: (1, 2, 2). `multi_grid` sets the rates of the
    last layer's blocks themselves; a layer of two blocks takes the first two.
    """
    rates = [[rate] * count for rate, count in zip(_RATES[output_stride], blocks, strict=True)]
    if rule == "prior":
        for layer in (2, 3):
            rates[layer][0] = _RATES[output_stride][layer - 1]
    if multi_grid is not None:
        rates[3] = list(multi_grid[: blocks[3]])
    return rates


class ResNet(nn.Module):
    """ResNet without its classifier, at output stride 16 or 8.

    State dict keys are torchvision's without `fc`. `channels` holds the channels of layer1 to layer4. Weights start
    by torchvision's rule (Kaiming normal, fan out).

    Args:
        name: resnet10 | resnet18 | resnet34 | resnet50 | resnet101.
        base_width: planes of layer1; 64 is the real ResNet, less is narrower throughout.
        stem: "7x7", or "deep": three 3x3 convolutions of which the last has twice the width, named as in
            PyTorch-Encoding.
        output_stride: 16 | 8, the input size over the size of the last features.
        dilation, multi_grid: see `dilations`.
    """

    def __init__(
        self,
        name: str,
        base_width: int = 64,
        stem: Literal["7x7", "deep"] = "7x7",
        output_stride: int = 16,
        dilation: Literal["uniform", "prior"] = "uniform",
        multi_grid: Sequence[int] | None = None,
    ):
        super().__init__()
        block, counts = BACKBONES[name]
        width = base_width if stem == "7x7" else 2 * base_width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False) if stem == "7x7" else _deep_stem(base_width)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        rates = dilations(counts, output_stride, dilation, multi_grid)
        channels = []
        for i, stride in enumerate(_STRIDES[output_stride]):
            planes = base_width * 2**i
            layer = _layer(block, width, planes, stride, rates[i])
            self.add_module(f"layer{i + 1}", layer)
            width = planes * block.expansion
            channels.append(width)
        self.channels = tuple(channels)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Images (N, 3, H, W) -> features of layer1 (stride 4), layer2 (8), layer3, layer4 (the output stride)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        layer1 = self.layer1(x)
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        return layer1, layer2, layer3, self.layer4(layer3)


def _deep_stem(width: int) -> nn.Sequential:
    layers = []
    for inputs, stride in ((3, 2), (width, 1)):
        layers += [_conv3x3(inputs, width, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, _conv3x3(width, 2 * width))


def _layer(block: type, inputs: int, planes: int, stride: int, rates: Sequence[int]) -> nn.Sequential:
    outputs = planes * block.expansion
    downsample = None
    if stride != 1 or inputs != outputs:
        downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    first = block(inputs, planes, stride, rates[0], downsample)
    return nn.Sequential(first, *(block(outputs, planes, 1, rate, None) for rate in rates[1:]))
