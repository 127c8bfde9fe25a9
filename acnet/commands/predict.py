"""acnet predict: a trained network on anyone's images."""

import argparse
from pathlib import Path

from acnet.commands.options import campaign, command, scale_option, whole
from acnet.params.resolved import read_resolved, run_folder


def add(commands) -> None:
    """Add the command to the parser."""
    predict = command(commands, "predict", _predict, "label maps, overlays, confidence and gates of images")
    which = predict.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", help="a trained run of runs.yaml")
    which.add_argument("--params", type=Path, help="results/{scale}/{run}/seed{n}/params.yaml")
    scale_option(predict)
    predict.add_argument("--seed", type=whole(0), help="of --run (the scale's first)")
    predict.add_argument("images", nargs="+", type=Path, help="image files, or folders of them")
    predict.add_argument("--out", type=Path, required=True, help="folder to write to")
    predict.add_argument("--protocol", default="single", help="an entry of protocols.yaml (single)")


def _predict(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.predict import predict_files

    file = parsed.params or _file(parsed)
    params = read_resolved(file)
    protocol = campaign(parsed, params["scale"]).protocol(parsed.protocol, params["run"])
    predict_files(params, file.parent / "checkpoint.pt", protocol, parsed.images, parsed.out)


def _file(parsed: argparse.Namespace) -> Path:
    settings = campaign(parsed)
    settings.run(parsed.run)  # a misspelt name is met before its folder
    seed = settings.scale.seeds[0] if parsed.seed is None else parsed.seed
    return run_folder(parsed.results_root, parsed.scale, parsed.run, seed) / "params.yaml"
