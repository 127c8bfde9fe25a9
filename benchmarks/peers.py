"""Training steps of torchvision's and mmsegmentation's FCN with a ResNet-50 at stride 16, to compare ours with.

mmsegmentation is left out where it is not installed: `pip install mmsegmentation==1.2.2 mmcv-lite==2.1.0 ftfy regex`.
"""

import warnings
from collections.abc import Callable

import mmsegmentation  # noqa: F401 - a stand-in for the compiled operators that mmcv-lite lacks
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.segmentation import fcn_resnet50

from acnet.precision import autocast

CLASSES = 19


def torchvisions(device: torch.device, precision: str) -> Callable[[Tensor, Tensor], None]:
    """A step of fcn_resnet50, whose head is the same as ours, taken from its stride 8 to 16."""
    network = fcn_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES)
    for name, layer in network.backbone.layer3.named_modules():
        if isinstance(layer, nn.Conv2d):
            if name in ("0.conv2", "0.downsample.0"):
                layer.stride = (2, 2)
            if layer.kernel_size == (3, 3):
                layer.dilation = layer.padding = (1, 1)
    for layer in network.backbone.layer4.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            layer.dilation = layer.padding = (2, 2)

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(network(images)["out"].float(), labels, ignore_index=255)

    return _step(network, loss, device, precision)


def mmsegmentations(device: torch.device, precision: str) -> Callable[[Tensor, Tensor], None]:
    """A step of its FCN with one convolution in the head: the nearest by parameter count, which is the same.

    Raises ImportError without mmsegmentation.
    """
    warnings.filterwarnings("ignore", module="mmseg")
    from mmengine.registry import init_default_scope
    from mmengine.structures import PixelData
    from mmseg.models import EncoderDecoder
    from mmseg.structures import SegDataSample

    init_default_scope("mmseg")
    norm = {"type": "BN", "requires_grad": True}
    backbone = {"type": "ResNet", "depth": 50, "strides": (1, 2, 2, 1), "dilations": (1, 1, 1, 2), "norm_cfg": norm}
    head = {"type": "FCNHead", "in_channels": 2048, "in_index": 3, "channels": 512, "num_convs": 1, "norm_cfg": norm}
    head |= {"concat_input": False, "num_classes": CLASSES}
    head |= {"loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True}}
    network = EncoderDecoder(backbone={**backbone, "norm_eval": False}, decode_head=head)

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        samples = [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]
        return network.loss(images, samples)["decode.loss_ce"]

    return _step(network, loss, device, precision)


def _step(
    network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], device: torch.device, precision: str
) -> Callable[[Tensor, Tensor], None]:
    """Forward, loss, backward, update, in the layout and with the optimiser that ours has."""
    network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=True)

    def step(images: Tensor, labels: Tensor) -> None:
        images = images.to(device).contiguous(memory_format=torch.channels_last)
        optimiser.zero_grad(set_to_none=True)
        with autocast(device, precision):
            value = loss(images, labels.to(device))
        value.backward()
        optimiser.step()

    return step
