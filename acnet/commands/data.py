"""acnet data, acnet fetch-weights: everything before training."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from acnet.commands import inspect
from acnet.commands.options import command, group, whole
from acnet.errors import AcnetError
from acnet.files import read_json
from acnet.params.datasets import find_dataset


def add(commands) -> None:
    """Add the commands to the parser."""
    data = group(commands, "data", "fetch, check, prepare and show datasets")
    generate = command(data, "generate", _generate, "generate a mini dataset in the official layout")
    fetch = command(data, "fetch", _fetch, "download and verify a dataset's archives, or use your own copies")
    extract = command(data, "extract", _extract, "extract the fetched archives into the folder that prepare reads")
    prepare = command(data, "prepare", _prepare, "convert a dataset into the memory-mapped format that training reads")
    for made in (generate, fetch, extract, prepare):
        made.add_argument("dataset", help="an entry of datasets.yaml")
    prepare.add_argument("--threads", type=whole(1), default=1, help="number of decoding processes (1)")
    inspect.add_to(data)
    weights = command(
        commands, "fetch-weights", _fetch_weights, "download a published ImageNet backbone", in_project=False
    )
    weights.add_argument("name", help="a file name such as resnet50-0676ba61.pth")


def _generate(parsed: argparse.Namespace) -> None:
    from acnet.data.generate import generate

    dataset = find_dataset(parsed.params_root, parsed.dataset)
    if dataset.generate is None:
        raise AcnetError(f"dataset '{parsed.dataset}': not a generated one; `acnet data prepare` reads it")
    height, width = dataset.generate.size
    generate(dataset.reader, Path(dataset.folders[0]), dataset.generate.seed, dataset.splits, (height, width))


def _archives(parsed: argparse.Namespace) -> Path:
    return parsed.data_root / "archives" / parsed.dataset


def _fetch(parsed: argparse.Namespace) -> None:
    from acnet.fetch.fetch import fetch

    dataset = find_dataset(parsed.params_root, parsed.dataset)
    record = fetch(parsed.dataset, dataset, _archives(parsed))
    for file, why in record["missing"].items():
        print(f"acnet: {file} is left out, only a submission needs it: {why}", file=sys.stderr)


def _extract(parsed: argparse.Namespace) -> None:
    from acnet.fetch.extract import extract
    from acnet.fetch.fetch import FETCHED

    dataset = find_dataset(parsed.params_root, parsed.dataset)
    fetched = _archives(parsed) / FETCHED
    if not fetched.exists():
        raise AcnetError(f"{fetched}: not there; run `acnet data fetch {parsed.dataset}` first")
    extract(parsed.dataset, dataset, read_json(fetched), Path(dataset.folders[0]))


def _prepare(parsed: argparse.Namespace) -> None:
    from acnet.data.prepare import prepare
    from acnet.data.source import find_source
    from acnet.inspect import report
    from acnet.inspect.check import judge
    from acnet.inspect.coding import VocOrder

    name, data = parsed.dataset, parsed.data_root
    dataset = find_dataset(parsed.params_root, name)
    source = find_source(name, dataset)
    record = report.read_record(parsed.params_root, data, name)

    def right(split: str, said: dict, by_image: Iterator) -> list[str]:
        order = VocOrder.of(dataset.reader, source, split)
        for image, counts in by_image:
            order.add(image, counts)
        return order.suspicions() + judge(dataset.reader, split, said["histogram"], record, said["images"])

    manifest = prepare(name, dataset, source, data / name, parsed.threads, right)
    if record is None and dataset.generate is None:
        counted = {split: (said["images"], said.get("histogram")) for split, said in manifest["splits"].items()}
        report.record(data, name, counted)


def _fetch_weights(parsed: argparse.Namespace) -> None:
    from acnet.params.weights import fetch_weights

    fetch_weights(parsed.name)
