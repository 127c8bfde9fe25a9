"""acnet evaluate, examples, gates: what a trained network does."""

import argparse
import sys
from pathlib import Path

from acnet.commands.options import campaign, command, run_params_option, whole
from acnet.params.measures import Measures, load_measures
from acnet.params.protocols import Protocol
from acnet.params.run import Run, read_run


def add(commands) -> None:
    """Add the commands to the parser."""
    evaluate = command(commands, "evaluate", _evaluate, "evaluate a trained network with one or more protocols")
    run_params_option(evaluate)
    evaluate.add_argument(
        "--protocol", action="append", required=True, help="an entry of protocols.yaml; may be repeated"
    )
    evaluate.add_argument(
        "--part", type=_part, default=(0, 1), metavar="I/N", help="score every N-th image, starting with the I-th (1/1)"
    )
    evaluate.add_argument("--gates", action="store_true", help="also measure the gates, with the first protocol")
    examples = command(commands, "examples", _examples, "write example predictions and gates for the figures")
    run_params_option(examples)
    examples.add_argument("--protocol", required=True, help="an entry of protocols.yaml")
    examples.add_argument("--count", type=whole(1), default=4, help="number of images (4)")
    gates = command(
        commands, "gates", _gates, "measure the gates of a trained network by class, segment size and edge distance"
    )
    run_params_option(gates)
    gates.add_argument("--protocol", default="single", help="protocol that sets image size and precision (single)")


def _evaluate(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.evaluate import evaluate_run

    run = read_run(parsed.params)
    settings = campaign(parsed, run.scale)
    protocols = [settings.protocol(name, run.name) for name in parsed.protocol]
    folder = parsed.params.parent
    measures = load_measures(parsed.params_root)
    checkpoint, out = folder / "checkpoint.pt", folder / "metrics"
    complete = True
    for split in dict.fromkeys(protocol.split for protocol in protocols):
        scored, by = run.scored_on(split), [protocol for protocol in protocols if protocol.split == split]
        complete &= evaluate_run(scored, checkpoint, by, measures, _near(parsed, scored), out, parsed.part)
    if not complete:
        print("acnet: this part is scored; the last of the parts writes the metrics", file=sys.stderr)
    elif parsed.gates:
        _measure_gates(run, folder, protocols[0], measures, parsed)


def _part(text: str) -> tuple[int, int]:
    """ "2/3" as (1, 3): the second of three."""
    try:
        number, of = map(int, text.split("/"))
    except ValueError:
        number, of = 0, 0
    if not 1 <= number <= of:
        raise argparse.ArgumentTypeError(f"'{text}' is no part; write 2/3 for the second of three")
    return number - 1, of


def _examples(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.example_images import write_examples

    run = read_run(parsed.params)
    protocol = campaign(parsed, run.scale).protocol(parsed.protocol, run.name)
    folder, run = parsed.params.parent, run.scored_on(protocol.split)
    out = folder / "examples.npz"
    write_examples(run, folder / "checkpoint.pt", protocol, _near(parsed, run), out, parsed.count)


def _gates(parsed: argparse.Namespace) -> None:
    run = read_run(parsed.params)
    protocol = campaign(parsed, run.scale).protocol(parsed.protocol, run.name)
    _measure_gates(run, parsed.params.parent, protocol, load_measures(parsed.params_root), parsed)


def _measure_gates(run: Run, folder: Path, protocol: Protocol, measures: Measures, parsed: argparse.Namespace) -> None:
    from acnet.evaluate.gates import measure_gates

    run = run.scored_on(protocol.split)
    measure_gates(run, folder / "checkpoint.pt", protocol, measures, _near(parsed, run), folder / "gates.json")


def _near(parsed: argparse.Namespace, run: Run) -> Path:
    """Where the evaluated split is read: on this machine's own disk if ACNET_SCRATCH says so."""
    from acnet.data.scratch import near

    return near(parsed.data_root, run.dataset, [run.evaluate_split])
