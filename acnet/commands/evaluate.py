"""acnet evaluate, acnet examples: what a trained network does."""

import argparse

from acnet.commands.options import campaign, command, run_params_option, whole
from acnet.params.resolved import read_resolved


def add(commands) -> None:
    """Add the commands to the parser."""
    evaluate = command(commands, "evaluate", _evaluate, "measure a trained network with named protocols")
    run_params_option(evaluate)
    evaluate.add_argument("--protocol", action="append", required=True, help="an entry of protocols.yaml; may repeat")
    examples = command(commands, "examples", _examples, "write example predictions and gates for the figures")
    run_params_option(examples)
    examples.add_argument("--protocol", required=True, help="an entry of protocols.yaml")
    examples.add_argument("--count", type=whole(1), default=4, help="number of images (4)")


def _evaluate(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.evaluate import evaluate_run

    params = read_resolved(parsed.params)
    settings = campaign(parsed, params["scale"])
    protocols = [settings.protocol(name, params["run"]) for name in parsed.protocol]
    folder = parsed.params.parent
    evaluate_run(params, folder / "checkpoint.pt", protocols, parsed.data_root, folder / "metrics")


def _examples(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.examples import write_examples

    params = read_resolved(parsed.params)
    protocol = campaign(parsed, params["scale"]).protocol(parsed.protocol, params["run"])
    folder = parsed.params.parent
    out = folder / "examples.npz"
    write_examples(params, folder / "checkpoint.pt", protocol, parsed.data_root, out, parsed.count)
