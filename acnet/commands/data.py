"""acnet data, acnet fetch-weights: everything before training."""

import argparse
import contextlib
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

from acnet.commands.options import command, group, positive, whole
from acnet.errors import AcnetError
from acnet.files import read_json
from acnet.params.datasets import find_dataset


def add(commands) -> None:
    """Add the commands to the parser."""
    data = group(commands, "data", "fetch, check, prepare and show datasets")
    generate = command(
        data, "generate", _generate, "generate a mini dataset in its official layout, or the dataset instrument"
    )
    fetch = command(data, "fetch", _fetch, "download and verify a dataset's archives, or verify your own copies")
    extract = command(data, "extract", _extract, "extract the fetched archives into the folder that prepare reads")
    prepare = command(data, "prepare", _prepare, "convert a dataset into the memory-mapped format that training reads")
    check = command(data, "check", _check, "read a dataset on disk and list what is missing or wrong")
    show = command(
        data, "show", _show, "write a picture of an image of a prepared dataset beside its labels, with a legend"
    )
    stats = command(data, "stats", _stats, "plot the class frequencies of a prepared dataset")
    new = command(data, "new", _new, "add a dataset of your own, and a scale that trains on it, to params/")
    for made in (generate, fetch, extract, prepare, check, show, stats):
        made.add_argument("dataset", help="an entry of datasets.yaml")
    for made in (prepare, check, new):
        made.add_argument(
            "--threads", type=whole(1), default=1, help="number of reading processes (default: %(default)s)"
        )
    new.add_argument("dataset", help="name of the new dataset: letters, digits, _ and -")
    new.add_argument(
        "--images", type=Path, required=True, help="folder of images; subfolders train, val, test, or none with --val"
    )
    new.add_argument("--labels", type=Path, required=True, help="PNGs of class ids (255: ignored), same subfolders")
    new.add_argument("--classes", type=Path, help="class names: one per line, or JSON with names and palette")
    new.add_argument("--val", type=_share, metavar="FRACTION", help="without subfolders: fraction of images for val")
    check.add_argument("--source", type=Path, help="folder of the dataset (default: as for prepare)")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the full report to this file")
    record = "record the class frequencies in params/ if no error is found"
    check.add_argument("--record", action="store_true", help=record)
    show.add_argument("--split", default="train", help="split of the image (default: %(default)s)")
    show.add_argument(
        "--index", type=whole(0), default=0, help="number of the image in the split (default: %(default)s)"
    )
    for made in (show, stats):
        out = "a .png, .jpg or .pdf file, of stats also .svg (default: in shown/ of the data folder)"
        made.add_argument("--out", type=Path, help=out)
        made.add_argument("--open", action="store_true", help="open the file in a viewer")
    text = "download a published ImageNet backbone"
    weights = command(commands, "fetch-weights", _fetch_weights, text, in_project=False)
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
        print(f"acnet: {file} is missing, only a submission needs it: {why}", file=sys.stderr)


def _extract(parsed: argparse.Namespace) -> None:
    from acnet.fetch.extract import extract
    from acnet.fetch.fetch import FETCHED

    dataset = find_dataset(parsed.params_root, parsed.dataset)
    fetched = _archives(parsed) / FETCHED
    if not fetched.exists():
        raise AcnetError(f"{fetched}: not found; run `acnet data fetch {parsed.dataset}` first")
    extract(parsed.dataset, dataset, read_json(fetched), Path(dataset.folders[0]))


def _prepare(parsed: argparse.Namespace) -> None:
    from acnet.data import classes
    from acnet.data.check import judge, read_record, write_record
    from acnet.data.prepare import prepare
    from acnet.data.source import find_source

    name, data = parsed.dataset, parsed.data_root
    dataset = find_dataset(parsed.params_root, name)
    source = find_source(name, dataset)
    record = read_record(parsed.params_root, data, name, dataset)

    def check(split, said, by_image):
        return judge(classes.class_table(dataset), source, split, said["images"], said["histogram"], by_image, record)

    manifest = prepare(name, dataset, source, data / name, parsed.threads, check)
    if record is None and dataset.generate is None:
        counted = {split: (said["images"], said.get("histogram")) for split, said in manifest["splits"].items()}
        write_record(data, name, counted)


def _check(parsed: argparse.Namespace) -> None:
    from acnet.data.check import MANY, check, read_record, text, write, write_record
    from acnet.data.source import find_source

    name, params = parsed.dataset, parsed.params_root
    dataset = find_dataset(params, name)
    source = parsed.source or find_source(name, dataset)
    record = read_record(params, parsed.data_root, name, dataset)
    splits = check(name, dataset, source, parsed.threads, record)
    print(text(f"{name}: {dataset.title}, {source}", splits))
    if parsed.json:
        write(parsed.json, name, splits)
    bad = [split for split, found in splits.items() if not found.good]
    if bad:
        raise AcnetError(f"{source}: {', '.join(bad)} not complete or not right; see the list above")
    counted = {split: (found.complete, found.histogram) for split, found in splits.items()}
    if parsed.record and not write_record(params, name, counted):
        raise AcnetError(f"{source}: not recorded; a split needs {MANY} images for its class shares to tell anything")
    if record is None and not parsed.record and dataset.generate is None:
        with contextlib.suppress(OSError):  # the data may be shared, and not ours to write
            write_record(parsed.data_root, name, counted)


def _share(written: str) -> float:
    number = positive(written)
    if number >= 1:
        raise argparse.ArgumentTypeError(f"'{written}' is not a fraction; write 0.2 for a fifth")
    return number


def _new(parsed: argparse.Namespace) -> None:
    from acnet.data.new import Folders, add_dataset

    name, params = parsed.dataset, parsed.params_root
    folders = Folders(parsed.images, parsed.labels, parsed.classes, parsed.val)
    add_dataset(name, folders, params, parsed.data_root, parsed.threads)
    print(
        f"added {name} to {params}/datasets.yaml, and a scale in {params}/scales/{name}.yaml. To train two networks:\n"
        f"  snakemake --cores all runs --config scale={name} runs=fcn_s16,gcm_d5_s16\n"
        f"  snakemake --cores 1 report --config scale={name}"
    )


def _show(parsed: argparse.Namespace) -> None:
    from acnet.data import classes
    from acnet.data.show import show

    table = classes.class_table(find_dataset(parsed.params_root, parsed.dataset))
    name = f"{parsed.dataset}_{parsed.split}_{parsed.index}.png"
    _draw(parsed, name, lambda folder, out: show(folder, table, parsed.split, parsed.index, out))


def _stats(parsed: argparse.Namespace) -> None:
    from acnet.data import classes
    from acnet.data.show import stats

    table = classes.class_table(find_dataset(parsed.params_root, parsed.dataset))
    _draw(parsed, f"{parsed.dataset}_classes.png", lambda folder, out: stats(folder, table, out))


def _draw(parsed: argparse.Namespace, name: str, draw: Callable[[Path, Path], None]) -> None:
    out = parsed.out or parsed.data_root / "shown" / name
    draw(parsed.data_root / parsed.dataset, out)
    print(out)
    if parsed.open:
        webbrowser.open(out.resolve().as_uri())


def _fetch_weights(parsed: argparse.Namespace) -> None:
    from acnet.params.weights import fetch_weights

    fetch_weights(parsed.name)
