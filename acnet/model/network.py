"""The whole network (Figure 2): backbone, reduction, adaptive context blocks, classifier; or another system's head."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from acnet.model.adaptive_block import AdaptiveContextBlock
from acnet.model.global_context import GlobalContextModule
from acnet.model.heads import build_head
from acnet.model.layers import Extra, at_least_float32, classifier, conv_bn_relu, upsample
from acnet.model.local_context import LocalContextModule
from acnet.model.parameters import context_scalars
from acnet.model.resnet import ResNet
from acnet.params.config import NetworkConfig
from acnet.params.schema import build


class Network(nn.Module):
    """ACNet, or with fewer parts one of the paper's baselines; see `build_network`.

    `backbone` takes the pretrained weights; everything else is a "new layer".
    """

    def __init__(
        self,
        backbone: ResNet,
        reduction: nn.Module,
        blocks: list[AdaptiveContextBlock],
        classifier: nn.Module,
        auxiliary: nn.Module | None,
        align_corners: bool,
    ):
        super().__init__()
        self.backbone = backbone
        self.reduction = reduction
        self.blocks = nn.ModuleList(blocks)
        self.classifier = classifier
        self.auxiliary = auxiliary
        self.align_corners = align_corners

    def forward(self, images: Tensor, native: bool = False) -> dict[str, Any]:
        """Images (N, 3, H, W), normalised -> a dict:

        - "logits": (N, classes, H, W), at least float32;
        - "gates": list of W_g (N, 1, h, w) at native resolution, one per gated global context module;
        - "auxiliary": (N, classes, H, W), in training mode and with an auxiliary head only;
        - "extra": list of `Extra`, in training mode and where a head is trained with further outputs only.

        With `native` the scores stay at the classifiers' own sizes, for a loss that upsamples them itself.
        """
        layers = self.backbone(images)
        size = None if native else images.shape[-2:]
        output = self._decoded(layers, images, size)
        if self.auxiliary is not None and self.training:
            output["auxiliary"] = self._finished(self.auxiliary(layers[2]), size)
        return output

    def _decoded(self, layers: Sequence[Tensor], images: Tensor, size: tuple[int, int] | None) -> dict[str, Any]:
        layer1, layer2, _, layer4 = layers
        features = self.reduction(layer4)
        gates = []
        for block, low in zip(self.blocks, (layer2, layer1, None), strict=False):
            features, gate = block(features, low)
            if block.global_context is not None and block.global_context.gated:
                gates.append(gate)
        return {"logits": self._finished(self.classifier(features), size), "gates": gates}

    def _finished(self, scores: Tensor, size: tuple[int, int] | None) -> Tensor:
        # In half precision neighbouring scores often tie, and the loss wants float32 anyway.
        scores = at_least_float32(scores)
        return scores if size is None or scores.ndim == 2 else upsample(scores, size, self.align_corners)


class HeadNetwork(Network):
    """The same backbone and auxiliary loss with the head of another system, of acnet.model.heads."""

    def __init__(self, backbone: ResNet, head: nn.Module, auxiliary: nn.Module | None, align_corners: bool):
        super().__init__(backbone, None, [], None, auxiliary, align_corners)
        self.head = head

    def _decoded(self, layers: Sequence[Tensor], images: Tensor, size: tuple[int, int] | None) -> dict[str, Any]:
        scores, extra = self.head(layers, images)
        output = {"logits": self._finished(scores, size), "gates": []}
        if extra:
            output["extra"] = [Extra(self._finished(one, size), weight) for one, weight in extra]
        return output


def build_network(config: NetworkConfig, classes: int) -> Network:
    """The network that `config`, the `model` section of a run's parameters, describes, for so many classes.

    | Row of the paper | global_context | local_context | blocks | classifier on            |
    |------------------|----------------|---------------|--------|--------------------------|
    | dilated FCN      | none           | none          | 1      | the reduced features     |
    | + GC, + GCM      | gc, gcm        | none          | 1      | the same, with context   |
    | + GCM + LC       | gcm            | lc, reuse 1   | 1      | block 1, size of layer2  |
    | + GCM + LCM(n)   | gcm            | lcm, reuse n  | 1      | the same                 |
    | ACB#2, ACB#3     | gcm            | lcm, reuse 3  | 2, 3   | block 2, size of layer1  |

    With `head` all but backbone, reduction's width and auxiliary loss is on the page of that name in acnet.model.heads.
    Raises AcnetError, naming the field, for a value out of range and for parts that do not fit together.
    """
    config = build(NetworkConfig, dataclasses.asdict(config), "model")
    backbone = ResNet(
        config.backbone,
        base_width=config.base_width,
        stem=config.stem,
        output_stride=config.output_stride,
        dilation=config.dilation,
        multi_grid=config.multi_grid,
    )
    if config.head != "none":
        head = build_head(config, backbone.channels, classes)
        return HeadNetwork(backbone, head, _auxiliary(config, backbone, classes), config.align_corners)
    reduction = conv_bn_relu(backbone.channels[3], config.reduction, 3, config.reduction_dilation)
    blocks, channels = _blocks(config, backbone)
    scores = classifier(channels, classes, config.dropout)
    if config.after_context == "conv_bn_relu":
        scores = nn.Sequential(conv_bn_relu(channels, channels, 3), *scores)
    auxiliary = _auxiliary(config, backbone, classes)
    network = Network(backbone, reduction, blocks, scores, auxiliary, config.align_corners)
    for scalar in context_scalars(network).values():
        scalar.requires_grad_(config.learn_scalars)
    return network


def _auxiliary(config: NetworkConfig, backbone: ResNet, classes: int) -> nn.Module | None:
    width = config.auxiliary_channels
    if not config.auxiliary:
        return None
    return nn.Sequential(conv_bn_relu(backbone.channels[2], width, 3), classifier(width, classes, config.dropout))


def _blocks(config: NetworkConfig, backbone: ResNet) -> tuple[list[AdaptiveContextBlock], int]:
    """The blocks, first to last, and the channels that the last one (or the reduction) gives."""
    layer1, layer2 = backbone.channels[:2]
    widths = config.block_channels
    blocks, channels = [], config.reduction
    places = ((layer2, widths[0]), (layer1, widths[1]), (None, None))
    for number, (low, width) in enumerate(places[: config.blocks], 1):
        global_context = _global_context(config, channels) if config.has_global_context(number) else None
        local_context = None
        if low is not None and config.local_context != "none":
            local_context = _local_context(config, low, channels, width)
            channels = width
        if global_context is not None or local_context is not None:
            blocks.append(AdaptiveContextBlock(global_context, local_context, config.align_corners))
    return blocks, channels


def _global_context(config: NetworkConfig, channels: int) -> GlobalContextModule:
    return GlobalContextModule(
        channels,
        config.delta,
        gated=config.global_context == "gcm",
        gate=config.gate,
        convolution=config.global_conv,
        distance=config.distance,
    )


def _local_context(config: NetworkConfig, low: int, channels: int, width: int) -> LocalContextModule:
    return LocalContextModule(
        low,
        channels,
        width,
        local_channels=config.local_channels,
        reuse=config.reuse,
        gated=config.local_context == "lcm",
    )
