"""Our training step against torchvision's and mmsegmentation's, turn by turn in one process.

    python benchmarks/training.py --crop 256 512 --rounds 5
    python benchmarks/training.py --crop 256 512 --memory

All have a dilated ResNet-50 at output stride 16, the same head (3x3 to 512, BN, ReLU, dropout, 1x1) and 19 classes, and
take the same random batch through forward, loss, backward and SGD. Peak memory is taken in a process for each step,
from before its network is built. What is found is added to benchmarks/results/training.json under the device's name.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from peers import CLASSES, mmsegmentations, torchvisions

from acnet.device import described, set_up_device
from acnet.files import read_json, write_json
from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.params.run import Run
from acnet.plan.measure import flops_per_image
from acnet.train.step import TrainingStep

RESULTS = Path(__file__).parent / "results" / "training.json"
RUNS = {"ours": "fcn_s16", "three blocks": "acb3"}
PEERS = {"torchvision": torchvisions, "mmsegmentation": mmsegmentations}
STEPS = [f"{name} {precision}" for name in (*RUNS, *PEERS) for precision in ("float32", "bfloat16")]


def parameters(name: str, precision: str, crop: int, arguments: argparse.Namespace) -> Run:
    """A run of scale paper at another crop."""
    other = {"crop": [crop, crop], "batch": arguments.batch, "precision": precision, "threads": arguments.threads}
    return Campaign(Path("params"), "paper").resolve(RUNS[name], 0).with_training(**other)


def build(name: str, crop: int, arguments: argparse.Namespace, device: torch.device) -> Callable:
    """The step called `name`; ImportError for a peer that is not installed."""
    network, precision = name.rsplit(" ", 1)
    if network in PEERS:
        return PEERS[network](device, precision)
    run = parameters(network, precision, crop, arguments)
    made = build_network(run.model, run.classes)
    step = TrainingStep(made, run.train, device)
    return lambda images, labels: step(images, labels, 0)


def batch(crop: int, arguments: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Random images and labels."""
    size = (arguments.batch, crop, crop)
    return torch.randn(size[0], 3, *size[1:]), torch.randint(0, CLASSES, size)


def times(crop: int, arguments: argparse.Namespace, device: torch.device) -> dict[str, list[float]]:
    """Seconds of every step in every round, after one to warm up."""
    steps = {}
    for name in STEPS:
        try:
            steps[name] = build(name, crop, arguments, device)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    images, labels = batch(crop, arguments)
    found: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(arguments.rounds + 1):
        for name, step in steps.items():
            began = time.perf_counter()
            step(images, labels)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                found[name].append(time.perf_counter() - began)
    return found


def peak(name: str, crop: int, arguments: argparse.Namespace, device: torch.device) -> float:
    """MiB that three steps take at the most, the network included; of this process, so for one step alone."""
    warm = torch.randn(1, 3, 8, 8) @ torch.randn(8, 8)  # the libraries themselves
    del warm
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    images, labels = batch(crop, arguments)
    step = build(name, crop, arguments, device)
    for _ in range(3):
        step(images, labels)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10


def peaks(crop: int, arguments: argparse.Namespace) -> dict[str, float]:
    """The peak of every step, each in a process of its own."""
    found = {}
    for name in STEPS:
        command = [sys.executable, __file__, "--peak", name, "--crop", str(crop)]
        command += ["--threads", str(arguments.threads), "--batch", str(arguments.batch)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            found[name] = float(done.stdout)
    return found


def summary(facts: dict, crop: int, arguments: argparse.Namespace) -> dict:
    """Ratios over the medians of what has been measured at a crop."""
    ratios = {}
    seconds = facts.get("seconds", {})
    for peer in PEERS:
        for precision in ("float32", "bfloat16"):
            if f"{peer} {precision}" in seconds:
                pairs = zip(seconds[f"{peer} {precision}"], seconds[f"ours {precision}"], strict=True)
                ratios[f"{peer} / ours, {precision}"] = statistics.median(theirs / own for theirs, own in pairs)
    if seconds:
        middle = {name: statistics.median(values) for name, values in seconds.items()}
        ratios["float32 / bfloat16"] = middle["ours float32"] / middle["ours bfloat16"]
        flops = {name: arguments.batch * flops_per_image(parameters(name, "float32", crop, arguments)) for name in RUNS}
        blocks = (middle["three blocks float32"] - middle["ours float32"]) / (flops["three blocks"] - flops["ours"])
        ratios["time per FLOP, blocks / FCN"] = blocks / (middle["ours float32"] / flops["ours"])
    memory = facts.get("peak_mib", {})
    for name, mebibytes in memory.items():
        network, precision = name.rsplit(" ", 1)
        if network in PEERS:
            ratios[f"peak memory, {network} / ours, {precision}"] = mebibytes / memory[f"ours {precision}"]
    return {name: round(ratio, 3) for name, ratio in ratios.items()}


def main() -> None:
    """Compare at every crop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crop", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="peak memory instead of time")
    parser.add_argument("--peak", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    device = set_up_device(arguments.threads)
    torch.manual_seed(0)
    if arguments.peak:
        print(peak(arguments.peak, arguments.crop[0], arguments, device))
        return
    where = described(device)
    for crop in arguments.crop:
        results = read_json(RESULTS) if RESULTS.exists() else {}
        facts = results.setdefault(where, {}).setdefault(f"crop {crop}, batch {arguments.batch}", {})
        if arguments.memory:
            facts["peak_mib"] = {name: round(value) for name, value in peaks(crop, arguments).items()}
        else:
            measured = times(crop, arguments, device)
            facts["seconds"] = {name: [round(value, 4) for value in values] for name, values in measured.items()}
        facts["ratios"] = summary(facts, crop, arguments)
        facts["torch"] = torch.__version__
        write_json(RESULTS, results)
        print(f"{where}, crop {crop}", json.dumps(facts["ratios"], indent=1))


if __name__ == "__main__":
    main()
