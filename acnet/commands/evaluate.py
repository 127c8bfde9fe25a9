"""acnet evaluate, examples, gates, predict, export, compare: what a trained network does."""

import argparse
import sys
from pathlib import Path

from acnet.commands.options import campaign, command, print_json, seed_asked, share, trained, whole
from acnet.errors import AcnetError
from acnet.files import read_json, write_text
from acnet.params.campaign import GATES_PROTOCOL
from acnet.params.measures import load_measures
from acnet.params.protocols import Protocol
from acnet.params.run import Run, read_run, run_folder

# Pixels; a network trained on smaller crops does not recognize objects of the size they have in photographs.
_TINY = 128
_FORMATS = ("onnx", "safetensors", "pt2")


def add(commands) -> None:
    """Add the commands to the parser."""
    text = "evaluate a trained network with one or more protocols"
    evaluate = command(commands, "evaluate", _evaluate, text, "--params")
    protocol = "an entry of protocols.yaml"
    evaluate.add_argument("--protocol", action="append", required=True, help=f"{protocol}; may be repeated")
    part = "evaluate every N-th image, starting with the I-th (default: 1/1)"
    evaluate.add_argument("--part", type=_part, default=(0, 1), metavar="I/N", help=part)
    evaluate.add_argument("--gates", action="store_true", help="also measure the gates, with the first protocol")
    text = "write example predictions and gates for the figures"
    examples = command(commands, "examples", _examples, text, "--params")
    examples.add_argument("--protocol", required=True, help=protocol)
    examples.add_argument("--count", type=whole(1), default=4, help="number of images (default: %(default)s)")
    text = "measure the gates of a trained network by class, segment size and edge distance"
    gates = command(commands, "gates", _gates, text, "--params")
    gates.add_argument(
        "--protocol", default=GATES_PROTOCOL, help="protocol that sets image size and precision (default: %(default)s)"
    )
    share(gates, "--json")
    predict = command(commands, "predict", _predict, "write label maps, overlays, confidence and gates of images")
    which = predict.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", help="a trained run of runs.yaml")
    which.add_argument("--params", type=Path, help="results/{scale}/{run}/seed{n}/params.yaml")
    predict.add_argument("images", nargs="+", type=Path, help="image files, folders of images, or a dataset's folder")
    export = command(commands, "export", _export, "write a trained network as ONNX, safetensors or PT2, and check it")
    export.add_argument("run", help="a trained run of runs.yaml")
    export.add_argument("--format", choices=_FORMATS, help="file format (default: by the suffix of FILE, else onnx)")
    export.add_argument("--size", type=_size, metavar="HxW", help="fixed image size and batch size 1 (default: any)")
    export.add_argument("--seed", type=whole(0), help="seed of the run (default: the scale's first)")
    export.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: SCALE_RUN_seedN.FORMAT)")
    share(export, "--scale")
    text = "compare two runs by class, and list the images whose pixel accuracy differs most"
    compare = command(commands, "compare", _compare, text)
    compare.add_argument("first", help="a run; differences are second minus first")
    compare.add_argument("second", help="another run of the same dataset")
    compare.add_argument("--images", type=whole(1), default=8, help="number of images to list (default: %(default)s)")
    share(compare, "--json")
    for made, out in (
        (predict, "folder to write to (default: a folder of the run in data/shown)"),
        (compare, "write the comparison and a picture of each listed image to this folder"),
    ):
        share(made, "--scale")
        made.add_argument("--protocol", default="single", help=f"{protocol} (default: %(default)s)")
        made.add_argument("--seed", type=whole(0), help="seed of the run (default: the scale's first)")
        made.add_argument("--out", type=Path, metavar="FOLDER", help=out)


def _evaluate(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.evaluate import evaluate_run
    from acnet.evaluate.gates import measure_gates
    from acnet.jobs.results import forget

    run, folder = read_run(parsed.params), parsed.params.parent
    settings, measures = campaign(parsed, run.scale), load_measures(parsed.params_root)
    protocols = [settings.protocol(name, run.name) for name in parsed.protocol]
    if parsed.gates:
        _require_trained_gates(protocols[0])
    checkpoint, out, complete = folder / "checkpoint.pt", folder / "metrics", True
    for split in dict.fromkeys(protocol.split for protocol in protocols):
        scored, by = run.scored_on(split), [protocol for protocol in protocols if protocol.split == split]
        complete &= evaluate_run(scored, checkpoint, by, measures, _near(parsed, scored), out, parsed.part)
    if not complete:
        if parsed.part == (0, 1):
            raise AcnetError(
                f"{folder}: another process evaluates this run too; once it has ended, run this command again"
            )
        print("acnet: this part is scored; the last of the parts writes the metrics", file=sys.stderr)
    elif parsed.gates:
        run = run.scored_on(protocols[0].split)
        measure_gates(run, checkpoint, protocols[0], measures, _near(parsed, run), folder / "gates.json")
    forget(folder)


def _part(text: str) -> tuple[int, int]:
    """ "2/3" as (1, 3): the second of three."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a part; write 2/3 for the second of three")
    return int(number) - 1, int(of)


def _examples(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.example_images import write_examples

    run, folder, protocol = _scored(parsed)
    out = folder / "examples.npz"
    write_examples(run, folder / "checkpoint.pt", protocol, _near(parsed, run), out, parsed.count)


def _gates(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.gates import measure_gates

    (run, folder, protocol), measures = _scored(parsed), load_measures(parsed.params_root)
    _require_trained_gates(protocol)
    measure_gates(run, folder / "checkpoint.pt", protocol, measures, _near(parsed, run), folder / "gates.json")
    if parsed.json:
        print_json(read_json(folder / "gates.json"))


def _require_trained_gates(protocol: Protocol) -> None:
    if (protocol.split and protocol.name != GATES_PROTOCOL) or protocol.gate != "trained":
        raise AcnetError(
            f"--protocol {protocol.name}: scores another split or changes the gates; gates.json describes the trained "
            "gates on the split that tables report"
        )


def _scored(parsed: argparse.Namespace) -> tuple[Run, Path, Protocol]:
    """The run of --params on the split that --protocol scores, its folder, and that protocol."""
    run = read_run(parsed.params)
    protocol = campaign(parsed, run.scale).protocol(parsed.protocol, run.name)
    return run.scored_on(protocol.split), parsed.params.parent, protocol


def _near(parsed: argparse.Namespace, run: Run) -> Path:
    """Where the evaluated split is read: on this machine's own disk if ACNET_SCRATCH says so."""
    from acnet.data.scratch import near

    return near(parsed.data_root, run.dataset, [run.evaluate_split])


def _predict(parsed: argparse.Namespace) -> None:
    from acnet.evaluate.predict import predict_files

    if parsed.params and parsed.seed is not None:
        raise AcnetError("--seed: --params names the run and its seed; omit --seed")
    file = parsed.params or trained(parsed)[2] / "params.yaml"
    run = read_run(file)
    settings = campaign(parsed, run.scale)
    protocol = settings.protocol(parsed.protocol, run.name)
    out = parsed.out or parsed.data_root / "shown" / f"{run.scale}_{run.name}_seed{run.seed}"
    dataset = settings.datasets.get(run.dataset)
    seen = _TINY if max(run.train.crop) < _TINY else None
    if dataset and dataset.generate:
        seen = max(dataset.generate.size)
    sheets, kinds = predict_files(run, file.parent / "checkpoint.pt", protocol, parsed.images, out, seen)
    print(f"{out}: {len(sheets)} images; for each: {', '.join(kinds)} as PNG; the sheet combines them")
    print(sheets[0])


def _size(text: str) -> tuple[int, int]:
    """ "256x512" as (256, 512)."""
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a size; write 256x512 for 256 rows of 512 pixels")
    return int(height), int(width)


def _export(parsed: argparse.Namespace) -> None:
    from acnet.export import export

    _, seed, folder = trained(parsed)
    suffix = parsed.out.suffix[1:] if parsed.out else ""
    form = parsed.format or (suffix if suffix in _FORMATS else "onnx")
    out = parsed.out or Path(f"{parsed.scale}_{parsed.run}_seed{seed}.{form}")
    differences = export(read_run(folder / "params.yaml"), folder / "checkpoint.pt", form, out, parsed.size)
    checked = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    print(f"{out}: written; largest differences from the checkpoint: {checked}")


def _compare(parsed: argparse.Namespace) -> None:
    from acnet.report.compare import as_json, as_text, compare
    from acnet.report.results import Results
    from acnet.report.scale import scale_info

    settings = campaign(parsed)
    protocols = [settings.protocol(parsed.protocol, run) for run in (parsed.first, parsed.second)]
    first, second = (settings.dataset_of(run) for run in (parsed.first, parsed.second))
    if first != second:
        raise AcnetError(f"{parsed.first} is of {first}, {parsed.second} of {second}; compare runs of one dataset")
    seed = seed_asked(parsed, settings)
    for run in (parsed.first, parsed.second):
        # A restored run may have its metrics alone: enough for the numbers, not for the pictures.
        if parsed.out or not (run_folder(parsed.results_root, parsed.scale, run, seed) / "metrics").is_dir():
            settings.trained_folder(parsed.results_root, run, seed)
    results = Results(scale_info(settings, parsed.results_root), parsed.results_root)
    found = compare(parsed.first, parsed.second, parsed.protocol, seed, results)
    text = as_text(found, parsed.images)
    if parsed.json:
        print_json(as_json(found, parsed.images))
    else:
        print(text, end="")
    if parsed.out is None:
        return
    from acnet.evaluate.comparison_images import write_comparisons

    write_text(parsed.out / "compare.md", text)
    runs = []
    for run, protocol in zip(found.runs, protocols, strict=True):
        folder = run_folder(parsed.results_root, parsed.scale, run, seed)
        runs.append((read_run(folder / "params.yaml").scored_on(protocol.split), folder / "checkpoint.pt", protocol))
    shown = [change.index for change in found.changes[: parsed.images]]
    paths = write_comparisons(runs, parsed.data_root, shown, parsed.out)
    print(f"acnet: {parsed.out}: compare.md and pictures ({len(paths)}) written", file=sys.stderr)
