"""Training step against torchvision's fcn_resnet50, turn by turn in one process.

python benchmarks/training.py --crop 256 512 --rounds 5

Both networks have a dilated ResNet-50 at output stride 16, the same head (3x3 to 512, BN, ReLU, dropout, 1x1) and 19
classes; both take the same random batch through forward, loss, backward and SGD. Ratios above 1 mean that ours is
faster. With bfloat16 the ratio is that of our own float32 step. The last line is the time per FLOP of ACNet's three
blocks over the FCN's.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.segmentation import fcn_resnet50

from acnet.device import autocast, settle
from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.train.parallel import Processes
from acnet.train.step import Step
from acnet.watch.measure import flops_per_image

CLASSES = 19


def parameters(run: str, crop: int, precision: str, threads: int, batch: int) -> dict:
    """A run of scale paper at another crop."""
    values = Campaign("params", "paper").resolve(run, 0).values
    train = {**values["train"], "crop": [crop, crop], "batch": batch, "precision": precision, "threads": threads}
    return {**values, "train": train}


def ours(params: dict, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """A step of this project."""
    step = Step(build_network({**params["model"], "classes": params["classes"]}), params["train"], device, Processes())
    return lambda images, labels: step(images, labels, labels.numel(), 0)


def torchvisions(precision: str, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """A step of torchvision's network, in the same layout and with the same optimiser."""
    network = fcn_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES)
    for name, layer in network.backbone.layer3.named_modules():  # from its stride 8 to 16
        if isinstance(layer, nn.Conv2d):
            if name in ("0.conv2", "0.downsample.0"):
                layer.stride = (2, 2)
            if layer.kernel_size == (3, 3):
                layer.dilation = layer.padding = (1, 1)
    for layer in network.backbone.layer4.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            layer.dilation = layer.padding = (2, 2)
    network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=True)

    def step(images: torch.Tensor, labels: torch.Tensor) -> None:
        images = images.to(device).contiguous(memory_format=torch.channels_last)
        optimiser.zero_grad(set_to_none=True)
        with autocast(device, precision):
            scores = network(images)["out"]
        functional.cross_entropy(scores.float(), labels.to(device), ignore_index=255).backward()
        optimiser.step()

    return step


def timed(step: Callable, images: torch.Tensor, labels: torch.Tensor, device: torch.device) -> float:
    """Seconds of one step."""
    began = time.perf_counter()
    step(images, labels)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def compare(crop: int, arguments: argparse.Namespace, device: torch.device) -> None:
    """Print the steps' times at one crop."""
    how = (arguments.threads, arguments.batch)
    plain = parameters("fcn_s16", crop, "float32", *how)
    blocks = parameters("acb3", crop, "float32", *how)
    steps = {
        "torchvision float32": torchvisions("float32", device),
        "ours float32": ours(plain, device),
        "ours bfloat16": ours(parameters("fcn_s16", crop, "bfloat16", *how), device),
        "ours three blocks": ours(blocks, device),
    }
    images = torch.randn(arguments.batch, 3, crop, crop)
    labels = torch.randint(0, CLASSES, (arguments.batch, crop, crop))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(arguments.rounds + 1):
        for name, step in steps.items():
            seconds = timed(step, images, labels, device)
            if turn:  # the first is a warm-up
                times[name].append(seconds)
    middle = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in middle.items():
        spread = (max(times[name]) - min(times[name])) / seconds
        print(f"crop {crop}  {name:<20} {1000 * seconds:8.0f} ms  spread {100 * spread:.0f} %")
    print(f"crop {crop}  torchvision / ours       {middle['torchvision float32'] / middle['ours float32']:.2f}")
    print(f"crop {crop}  float32 / bfloat16       {middle['ours float32'] / middle['ours bfloat16']:.2f}")
    per_flop = {
        name: middle[name] / flops_per_image(params)
        for name, params in (("ours float32", plain), ("ours three blocks", blocks))
    }
    ratio = per_flop["ours three blocks"] / per_flop["ours float32"]
    print(f"crop {crop}  time per FLOP, blocks / FCN {ratio:.2f}")


def main() -> None:
    """Compare at every crop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crop", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    device = settle(arguments.threads)
    print(torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {arguments.threads} thread(s)")
    for crop in arguments.crop:
        compare(crop, arguments, device)
    print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
