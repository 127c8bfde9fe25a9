"""Every trained network of a scale, built and stepped: memory, images/s, hours.

    python benchmarks/scale_runs.py                  on a GPU: 20 steps of each run, real crops, the recipe's batch
    python benchmarks/scale_runs.py --crop 96        elsewhere: one step of two images at a smaller crop

Images are random. Where the global batch does not fit, it is split into 2, 4, 8, ... micro-batches. Hours are those of
the whole training: of the step as measured, or scaled by FLOPs from a smaller one. Results are added, run by run, to
benchmarks/results/{scale}.json under the device's name, so that an interrupted benchmark goes on with --missing.
"""

import argparse
import gc
from pathlib import Path
from typing import Any

import torch

from acnet.device import described, set_up_device
from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.params.campaign import Campaign
from acnet.params.run import Run
from acnet.plan.cost import training_steps
from acnet.plan.measure import flops_per_image, measure
from acnet.progress import Progress

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def smaller(run: Run, crop: int | None, threads: int | None) -> Run:
    """The run; with `crop`, two images of that size."""
    other: dict[str, Any] = {} if crop is None else {"crop": [crop, crop], "batch": 2, "accumulate": 1}
    if threads is not None:
        other["threads"] = threads
    return run.with_training(**other)


def fitting(run: Run, steps: int) -> tuple[Any, int]:
    """The cost of a step, and in how many micro-batches it fitted."""
    pieces = run.train.accumulate
    while True:
        try:
            return measure(run.with_training(accumulate=pieces), None, steps, warm_up=1 if steps > 1 else 0), pieces
        except AcnetError:  # memory was short
            pieces *= 2
            if run.train.batch // pieces < 2:
                raise
        gc.collect()
        torch.cuda.empty_cache()


def stepped(campaign: Campaign, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the record says of one run."""
    real = campaign.resolve(name, campaign.scale.seeds[0])
    run = smaller(real, arguments.crop, arguments.threads)
    cost, pieces = fitting(run, arguments.steps)
    speed = cost.flops_per_image * cost.images / cost.seconds
    images = training_steps(campaign, real) * real.train.batch
    return {
        "steps": arguments.steps,
        "crop": run.train.crop,
        "batch": cost.images,
        "accumulate": pieces,
        "precision": run.train.precision,
        "whole": arguments.crop is None,
        "images_per_second": round(cost.images_per_second, 3),
        "peak_mib": None if cost.peak_bytes is None else round(cost.peak_bytes / 2**20),  # of a GPU
        "hours": round(images * flops_per_image(real) / speed / 3600, 2),
    }


def main() -> None:
    """Step every run and record each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="paper")
    parser.add_argument("--steps", type=int, help="20 on a GPU, 1 elsewhere")
    parser.add_argument("--crop", type=int, help="instead of the recipe's, with two images")
    parser.add_argument("--threads", type=int, help="instead of the scale's; 1 without a GPU")
    parser.add_argument("--missing", action="store_true", help="only runs that this device has not recorded")
    arguments = parser.parse_args()
    cuda = torch.cuda.is_available()
    arguments.steps = arguments.steps or (20 if cuda else 1)
    arguments.threads = arguments.threads or (None if cuda else 1)
    campaign = Campaign(ROOT / "params", arguments.scale)
    where, file = described(set_up_device(arguments.threads or 1)), RESULTS / f"{arguments.scale}.json"
    have = (read_json(file) if file.exists() else {}).get(where, {}) if arguments.missing else {}
    runs = [run for run in campaign.tables.trained(campaign.shown()) if run not in have]
    progress = Progress(arguments.scale, len(runs), "runs")
    for run in runs:
        try:
            facts = stepped(campaign, run, arguments)
        except AcnetError as error:
            raise AcnetError(f"{run}: not even two images fit on {where}") from error
        record = read_json(file) if file.exists() else {}
        record.setdefault(where, {})[run] = facts
        write_json(file, record)
        progress.advance(note=run)
    progress.finish()


if __name__ == "__main__":
    main()
