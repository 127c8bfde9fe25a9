"""The command `acnet`: each step of the pipeline by hand, with files in and files out."""

import argparse
import errno
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from acnet import __version__
from acnet.errors import AcnetError, Interrupted

# Heavy packages are imported inside the commands: starting `acnet` costs a tenth of a second, torch two.


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 2 after a user's mistake, or 128 + signal."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.command(parsed)
        return 0
    except AcnetError as error:
        return _fail(str(error), 2)
    except Interrupted as stopped:
        return _fail(str(stopped), 128 + stopped.signal)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing half-written is left", 128 + signal.SIGINT)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _fail(f"{error.filename or 'disk'}: no space left; free some and run the same command again", 2)
        raise


def _fail(message: str, status: int) -> int:
    print(f"acnet: {message}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="acnet", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"acnet {__version__}")
    parser.add_argument("--params-root", type=Path, default=Path("params"), help="folder of the parameters (params)")
    parser.add_argument("--data-root", type=Path, default=Path("data"), help="folder of the prepared data (data)")
    parser.add_argument("--results-root", type=Path, default=Path("results"), help="folder of the runs (results)")
    parser.add_argument("--reports-root", type=Path, default=Path("reports"), help="folder of the reports (reports)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(parent, name: str, run: Callable, text: str) -> argparse.ArgumentParser:
        made = parent.add_parser(name, help=text, description=text)
        made.set_defaults(command=run)
        return made

    resolve = command(commands, "resolve", _resolve, "write the complete parameters of one run")
    _scale(resolve)
    resolve.add_argument("--run", required=True, help="an entry of runs.yaml")
    resolve.add_argument("--seed", type=int, default=0)

    data = commands.add_parser("data", help="generate and prepare datasets").add_subparsers(required=True)
    for name, run, text in (
        ("generate", _generate, "make a mini dataset in its official layout"),
        ("prepare", _prepare, "read a dataset once into the form that training reads fast"),
    ):
        made = command(data, name, run, text)
        made.add_argument("dataset", help="an entry of datasets.yaml")
        if name == "prepare":
            made.add_argument("--threads", type=int, default=1)

    weights = command(commands, "fetch-weights", _fetch_weights, "download a published ImageNet backbone")
    weights.add_argument("name", help="a file name such as resnet50-0676ba61.pth")

    train = command(commands, "train", _train, "train the network of a params.yaml, or go on where it stopped")
    _run_params(train)
    evaluate = command(commands, "evaluate", _evaluate, "measure a trained network with named protocols")
    _run_params(evaluate)
    evaluate.add_argument("--protocol", action="append", required=True, help="an entry of protocols.yaml; may repeat")
    examples = command(commands, "examples", _examples, "write example predictions and gates for the figures")
    _run_params(examples)
    examples.add_argument("--protocol", required=True)
    examples.add_argument("--count", type=int, default=3, help="number of images")

    report = commands.add_parser("report", help="draw tables, figures, claims and the page").add_subparsers(
        required=True
    )
    for name, run, text in (
        ("table", _report_table, "one table as CSV, Markdown and LaTeX"),
        ("figure", _report_figure, "one figure as PNG and PDF"),
        ("curves", _report_curves, "the training curves as PNG and PDF"),
        ("claims", _report_claims, "the verdict on each of the paper's claims"),
        ("page", _report_page, "the page with everything"),
        ("publish", _report_publish, "copy what may be published into reports/published"),
    ):
        made = command(report, name, run, text)
        _scale(made)
        if name in ("table", "figure"):
            made.add_argument("name", help=f"such as {name}1")
    return parser


def _scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", default="mini", help="a file of params/scales/ (mini)")


def _run_params(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--params", type=Path, required=True, help="results/{scale}/{run}/seed{n}/params.yaml")


def _campaign(parsed: argparse.Namespace, scale: str | None = None):
    from acnet.params.campaign import Campaign

    return Campaign(parsed.params_root, scale or parsed.scale)


def _resolve(parsed: argparse.Namespace) -> None:
    from acnet.params.resolved import run_folder, write_resolved

    resolved = _campaign(parsed).resolve(parsed.run, parsed.seed)
    file = run_folder(parsed.results_root, parsed.scale, parsed.run, parsed.seed) / "params.yaml"
    write_resolved(resolved, file)


def _dataset(parsed: argparse.Namespace):
    from acnet.params.datasets import find_dataset

    return find_dataset(parsed.params_root, parsed.dataset)


def _generate(parsed: argparse.Namespace) -> None:
    from acnet.data.generate import generate

    dataset = _dataset(parsed)
    if dataset.generate is None:
        raise AcnetError(
            f"dataset '{parsed.dataset}': a real one; only those with `generate` in datasets.yaml are made"
        )
    size = (dataset.generate.size[0], dataset.generate.size[1])
    generate(dataset.reader, Path(dataset.folders[0]), dataset.generate.seed, dataset.splits, size)


def _prepare(parsed: argparse.Namespace) -> None:
    from acnet.data.prepare import find_source, prepare

    dataset = _dataset(parsed)
    source = find_source(parsed.dataset, dataset)
    prepare(parsed.dataset, dataset, source, parsed.data_root / parsed.dataset, parsed.threads)


def _fetch_weights(parsed: argparse.Namespace) -> None:
    from acnet.params.weights import fetch_weights

    fetch_weights(parsed.name)


def _train(parsed: argparse.Namespace) -> None:
    from acnet.params.resolved import read_resolved
    from acnet.train.loop import train_run

    train_run(read_resolved(parsed.params), parsed.params.parent, parsed.data_root)


def _evaluate(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.evaluate import evaluate_run
    from acnet.params.resolved import read_resolved

    params = read_resolved(parsed.params)
    campaign = _campaign(parsed, params["scale"])
    protocols = [campaign.protocol(name, params["run"]) for name in parsed.protocol]
    folder = parsed.params.parent
    evaluate_run(params, folder / "checkpoint.pt", protocols, parsed.data_root, folder / "metrics")


def _examples(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.examples import write_examples
    from acnet.params.resolved import read_resolved

    params = read_resolved(parsed.params)
    protocol = _campaign(parsed, params["scale"]).protocol(parsed.protocol, params["run"])
    folder = parsed.params.parent
    write_examples(params, folder / "checkpoint.pt", protocol, parsed.data_root, folder / "examples.npz", parsed.count)


def _report(parsed: argparse.Namespace):
    """The scale as the report sees it, and the folders it reads and writes."""
    from acnet.report.scale import scale_info

    scale = scale_info(_campaign(parsed))
    roots = {
        "params_root": parsed.params_root,
        "results_root": parsed.results_root,
        "out_root": parsed.reports_root,
    }
    return scale, roots


def _report_table(parsed: argparse.Namespace) -> None:
    from acnet.report.tables import write_table

    scale, roots = _report(parsed)
    write_table(parsed.name, scale, **roots)


def _report_figure(parsed: argparse.Namespace) -> None:
    from acnet.report.figures import write_figure

    scale, roots = _report(parsed)
    write_figure(parsed.name, scale, **roots)


def _report_curves(parsed: argparse.Namespace) -> None:
    from acnet.report.curves import write_curves

    scale, roots = _report(parsed)
    write_curves(scale, **roots)


def _report_claims(parsed: argparse.Namespace) -> None:
    from acnet.report.claims import write_claims

    scale, roots = _report(parsed)
    write_claims(scale, **roots)


def _report_page(parsed: argparse.Namespace) -> None:
    from acnet.report.page import write_page

    scale, roots = _report(parsed)
    write_page(scale, **roots)


def _report_publish(parsed: argparse.Namespace) -> None:
    from acnet.report.publish import publish

    scale, roots = _report(parsed)
    publish(scale, **roots)
