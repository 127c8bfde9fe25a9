"""acnet predict: a trained network on anyone's images."""

import argparse
from pathlib import Path

from acnet.commands.options import campaign, command, folder_to_write, scale_option, seed_asked, whole
from acnet.params.run import read_run

_TINY = 128  # pixels: photographs are larger, and what a network learned from smaller crops it does not find in them


def add(commands) -> None:
    """Add the command to the parser."""
    predict = command(commands, "predict", _predict, "write label maps, overlays, confidence and gates of images")
    which = predict.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", help="a trained run of runs.yaml")
    which.add_argument("--params", type=Path, help="results/{scale}/{run}/seed{n}/params.yaml")
    scale_option(predict)
    predict.add_argument("--seed", type=whole(0), help="seed of --run (the scale's first)")
    predict.add_argument("images", nargs="+", type=Path, help="image files, folders of images, or a dataset's folder")
    predict.add_argument(
        "--out",
        type=folder_to_write,
        metavar="FOLDER",
        help="folder to write to (default: a folder of the run in data/shown)",
    )
    predict.add_argument("--protocol", default="single", help="an entry of protocols.yaml (single)")


def _predict(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.predict import predict_files

    file = parsed.params or _file(parsed)
    run = read_run(file)
    settings = campaign(parsed, run.scale)
    protocol = settings.protocol(parsed.protocol, run.name)
    out = parsed.out or parsed.data_root / "shown" / f"{run.scale}_{run.name}_seed{run.seed}"
    dataset = settings.datasets.get(run.dataset)
    seen = _TINY if max(run.train.crop) < _TINY else None
    if dataset and dataset.generate:
        seen = max(dataset.generate.size)
    sheets, kinds = predict_files(run, file.parent / "checkpoint.pt", protocol, parsed.images, out, seen)
    print(
        f"{out}: {len(sheets)} image{'s' * (len(sheets) > 1)}, of each {', '.join(kinds)} as PNG; the sheet shows all"
    )
    print(sheets[0])


def _file(parsed: argparse.Namespace) -> Path:
    settings = campaign(parsed)
    return settings.trained_folder(parsed.results_root, parsed.run, seed_asked(parsed, settings)) / "params.yaml"
