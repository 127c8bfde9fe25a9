"""acnet data, acnet fetch-weights: everything before training."""

import argparse
from pathlib import Path

from acnet.commands.options import command, group, whole
from acnet.errors import AcnetError
from acnet.params.datasets import find_dataset


def add(commands) -> None:
    """Add the commands to the parser."""
    data = group(commands, "data", "generate and prepare datasets")
    generate = command(data, "generate", _generate, "make a mini dataset in its official layout")
    prepare = command(data, "prepare", _prepare, "read a dataset once into the form that training reads fast")
    for made in (generate, prepare):
        made.add_argument("dataset", help="an entry of datasets.yaml")
    prepare.add_argument("--threads", type=whole(1), default=1, help="images decoded side by side (1)")
    weights = command(commands, "fetch-weights", _fetch_weights, "download a published ImageNet backbone")
    weights.add_argument("name", help="a file name such as resnet50-0676ba61.pth")


def _generate(parsed: argparse.Namespace) -> None:
    from acnet.data.generate import generate

    dataset = find_dataset(parsed.params_root, parsed.dataset)
    if dataset.generate is None:
        raise AcnetError(f"dataset '{parsed.dataset}': not a generated one; `acnet data prepare` reads it")
    height, width = dataset.generate.size
    generate(dataset.reader, Path(dataset.folders[0]), dataset.generate.seed, dataset.splits, (height, width))


def _prepare(parsed: argparse.Namespace) -> None:
    from acnet.data.prepare import find_source, prepare

    dataset = find_dataset(parsed.params_root, parsed.dataset)
    source = find_source(parsed.dataset, dataset)
    prepare(parsed.dataset, dataset, source, parsed.data_root / parsed.dataset, parsed.threads)


def _fetch_weights(parsed: argparse.Namespace) -> None:
    from acnet.params.weights import fetch_weights

    fetch_weights(parsed.name)
