"""The trained network of a run, from its checkpoint, made fast for inference."""

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from acnet.checkpoint import compare_with_record, load_weights, read_checkpoint, refuse
from acnet.data.classes import class_table
from acnet.device import set_up_device
from acnet.errors import AcnetError
from acnet.evaluate.inference import Predictor
from acnet.files import canonical
from acnet.model import build_network
from acnet.params.run import Run


def load_predictor(run: Run, checkpoint: Path) -> Predictor:
    """The network of `run` with the weights of `checkpoint`, ready to predict on this process's device.

    Raises AcnetError, naming the file, when it is missing, broken, not the one its run has recorded, or of another
    network; then it names the first parameter that differs, or the first tensor when the file tells no parameters.
    """
    device = set_up_device(run.train.threads)
    names = class_table(run).names
    if len(names) != run.classes:
        raise AcnetError(
            f"params.yaml: classes: {run.classes}, but reader {run.reader} has {len(names)}; resolve the run again"
        )
    asked = {**run.values()["model"], "classes": run.classes}
    content = read_checkpoint(checkpoint)
    stored, used = content.get("params", {}), run.identity()["model"].keys() | {"classes"}
    for key in sorted(used & stored.keys()):
        if canonical([asked[key]]) != canonical([stored[key]]):
            refuse(checkpoint, f"{key}: trained with {stored[key]}, the run's parameters ask for {asked[key]}")
    network = build_network(run.model, run.classes)
    load_weights(network, content["network"], checkpoint)
    compare_with_record(checkpoint)
    # Inference on a CPU is some 1.2 times faster in this memory format.
    network = InferenceNetwork(network.eval().to(device, memory_format=torch.channels_last))
    return Predictor(network, run.classes, device, run.model.align_corners, checkpoint)


def about(run: Run) -> dict[str, Any]:
    """Which run a file of results is of."""
    return {
        "scale": run.scale, "run": run.name, "seed": run.seed,
        "dataset": run.dataset, "reader": run.reader, "split": run.evaluate_split,
    }  # fmt: skip


class InferenceNetwork(nn.Module):
    """A network in eval mode that uses a copy with folded batch norm in float32, and itself under autocast.

    There a folded bias would be rounded like everything else, and the float32 sums of batch norm would be lost: on
    CamVid that costs 0.1 points of mIoU.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network, self.folded = network, None

    def forward(self, images: Tensor, native: bool = False) -> dict:
        """What the network gives."""
        if torch.is_autocast_enabled(images.device.type):
            return self.network(images, native=native)
        if self.folded is None:
            self.folded = fold_batch_norm(copy.deepcopy(self.network))
        return self.folded(images, native=native)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Fold every BatchNorm2d of `network`, in eval mode, into the convolution before it; changes it in place."""
    for module in list(network.modules()):
        for (conv_parent, conv_name), norm_name in list(_pairs(module)):
            conv, norm = getattr(conv_parent, conv_name), getattr(module, norm_name)
            setattr(conv_parent, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, nn.Identity())
    return network


def _pairs(module: nn.Module) -> Iterator[tuple[tuple[nn.Module, str], str]]:
    """(where a convolution is held, its name), the name of the batch norm that `module` puts behind it."""
    for (before, _), (name, child) in itertools.pairwise(module.named_children()):
        if not isinstance(child, nn.BatchNorm2d):
            continue
        holder, held = module, before
        while isinstance(getattr(holder, held), nn.Sequential):  # the deep stem: its last convolution
            holder = getattr(holder, held)
            held = list(dict(holder.named_children()))[-1]
        if isinstance(getattr(holder, held), nn.Conv2d):
            yield (holder, held), name
