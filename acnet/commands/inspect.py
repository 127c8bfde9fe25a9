"""acnet data check, show, stats: is a dataset right, and what does it look like?"""

import argparse
from pathlib import Path

from acnet.commands.options import command, whole
from acnet.errors import AcnetError
from acnet.params.datasets import find_dataset


def add_to(data) -> None:
    """Add the commands to the group `data`."""
    check = command(data, "check", _check, "read a dataset from disk and list what is missing or wrong")
    check.add_argument("--source", type=Path, help="folder of the dataset (default: as for prepare)")
    check.add_argument("--threads", type=whole(1), default=1, help="number of reading processes (1)")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the full report to this file")
    check.add_argument(
        "--record", action="store_true", help="record the class frequencies in params/ if no error is found"
    )
    show = command(data, "show", _show, "draw an image of a prepared dataset beside its labels, with a legend")
    show.add_argument("--split", default="train", help="split of the image (train)")
    show.add_argument("--index", type=whole(0), default=0, help="number of the image in the split (0)")
    stats = command(data, "stats", _stats, "draw the class frequencies of a prepared dataset")
    for made in (check, show, stats):
        made.add_argument("dataset", help="an entry of datasets.yaml")
    for made in (show, stats):
        made.add_argument(
            "--out", type=Path, help="a .png, .jpg, .pdf or .svg file (default: in shown/ of the data folder)"
        )
        made.add_argument("--open", action="store_true", help="open the file in a viewer")


def _check(parsed: argparse.Namespace) -> None:
    from acnet.data.source import find_source
    from acnet.inspect import report
    from acnet.inspect.check import MANY, check

    name, params = parsed.dataset, parsed.params_root
    dataset = find_dataset(params, name)
    source = parsed.source or find_source(name, dataset)
    record = report.read_record(params, parsed.data_root, name)
    splits = check(name, dataset, source, parsed.threads, record)
    print(report.text(name, f"{dataset.title}, {source}", splits))
    if parsed.json:
        report.write(parsed.json, name, splits)
    bad = [split for split, found in splits.items() if not found.good]
    if bad:
        raise AcnetError(f"{source}: {', '.join(bad)} not complete or not right; see the list above")
    counted = {split: (found.complete, found.histogram) for split, found in splits.items()}
    if parsed.record:
        if not report.record(params, name, counted):
            raise AcnetError(
                f"{source}: not recorded; a split needs {MANY} images for its class shares to tell anything"
            )
    elif record is None and dataset.generate is None:
        report.record(parsed.data_root, name, counted)


def _show(parsed: argparse.Namespace) -> None:
    from acnet.inspect.show import show

    find_dataset(parsed.params_root, parsed.dataset)
    out = _out(parsed, f"{parsed.dataset}_{parsed.split}_{parsed.index}.png")
    show(parsed.data_root / parsed.dataset, parsed.split, parsed.index, out)
    _tell(out, parsed.open)


def _stats(parsed: argparse.Namespace) -> None:
    from acnet.inspect.show import stats

    find_dataset(parsed.params_root, parsed.dataset)
    out = _out(parsed, f"{parsed.dataset}_classes.png")
    stats(parsed.data_root / parsed.dataset, out)
    _tell(out, parsed.open)


def _out(parsed: argparse.Namespace, name: str) -> Path:
    return parsed.out or parsed.data_root / "shown" / name


def _tell(out: Path, also_open: bool) -> None:
    print(out)
    if also_open:
        import webbrowser

        webbrowser.open(out.resolve().as_uri())
