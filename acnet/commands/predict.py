"""acnet predict: a trained network on anyone's images."""

import argparse
from pathlib import Path

from acnet.commands.options import campaign, command, run_params_option
from acnet.params.resolved import read_resolved


def add(commands) -> None:
    """Add the command to the parser."""
    predict = command(commands, "predict", _predict, "label maps, overlays, confidence and gates of images")
    run_params_option(predict)
    predict.add_argument("images", nargs="+", type=Path, help="image files, or folders of them")
    predict.add_argument("--out", type=Path, required=True, help="folder to write to")
    predict.add_argument("--protocol", default="single", help="an entry of protocols.yaml (single)")


def _predict(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.predict import predict_files

    params = read_resolved(parsed.params)
    protocol = campaign(parsed, params["scale"]).protocol(parsed.protocol, params["run"])
    predict_files(params, parsed.params.parent / "checkpoint.pt", protocol, parsed.images, parsed.out)
