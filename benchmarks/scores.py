"""What measuring in TF32 or bfloat16 instead of float32 changes in the scores of trained runs.

    snakemake --cores all runs --config scale=camvid runs=fcn_s16,acb3
    python benchmarks/scores.py --scale camvid fcn_s16 acb3

Each run is evaluated anew in every precision, one after the other; a CPU emulates TF32. A table of the differences from
float32, with intervals from resampling single images (not a dataset's `blocks`), is printed and written to
benchmarks/results/scores-{scale}.md, with the commit of each run.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from acnet.files import read_json, write_text
from acnet.params.campaign import Campaign
from acnet.params.measures import load_measures
from acnet.params.run import read_run, run_folder

ROOT = Path(__file__).resolve().parents[1]
PRECISIONS = ("float32", "tf32", "bfloat16")
SHOWN = ("mIoU", "PixAcc", "Boundary IoU")


def lines(campaign: Campaign, run: str, arguments: argparse.Namespace, out: Path) -> Iterator[str]:
    """A table row for each other precision and measure of SHOWN; the evaluations lie in `out` as runs of their own."""
    from acnet.evaluate.evaluate import evaluate_run
    from acnet.report.compare import compare
    from acnet.report.results import Results
    from acnet.report.scale import scale_info

    seed = arguments.seed
    folder = run_folder(arguments.results_root, arguments.scale, run, seed)
    protocol = campaign.protocol(arguments.protocol, run)
    trained = read_run(folder / "params.yaml").scored_on(protocol.split)
    seconds = {}
    for precision in PRECISIONS:
        began = time.monotonic()
        evaluate_run(
            dataclasses.replace(trained, name=precision),
            folder / "checkpoint.pt",
            [dataclasses.replace(protocol, precision=precision)],
            load_measures(ROOT / "params"),
            arguments.data_root,
            run_folder(out, arguments.scale, precision, seed) / "metrics",
        )
        seconds[precision] = time.monotonic() - began
    commit = read_json(folder / "provenance.json")["commit"][:10]
    results = Results(scale_info(campaign, out), out)
    for precision in PRECISIONS[1:]:
        faster = seconds["float32"] / seconds[precision]
        for line in compare("float32", precision, arguments.protocol, seed, results).overall:
            if line.name in SHOWN:
                low, high = line.interval
                yield (
                    f"| {run} seed {seed} ({commit}) | {precision} | {line.name} | {line.first:.2f} | "
                    f"{line.second:.2f} | {line.difference:+.3f} | {low:+.3f} to {high:+.3f} | {faster:.1f} |"
                )


def main() -> None:
    """Measure every run that is named and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--scale", default="camvid")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--protocol", default="single")
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--results-root", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    campaign = Campaign(ROOT / "params", arguments.scale)
    text = [
        f"# Scores in other precisions beside float32: scale {arguments.scale}, protocol {arguments.protocol}",
        "",
        "| run | precision | measure | in float32 | in this precision | difference | 95 % interval | times as fast |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in arguments.runs:
        with tempfile.TemporaryDirectory() as folder:
            text.extend(lines(campaign, run, arguments, Path(folder)))
    write_text(ROOT / "benchmarks" / "results" / f"scores-{arguments.scale}.md", "\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
