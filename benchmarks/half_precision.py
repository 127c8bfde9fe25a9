"""A training step in bfloat16 beside one in float32, with this project's emulation and with torch's, turn by turn.

    python benchmarks/half_precision.py --scale camvid-narrow --turns 3

Random images of the training crop. Prints seconds per step (the median of the turns) and ratios to float32. Where the
CPU has instructions for bfloat16 nothing is emulated, and the last two columns are alike.
"""

import argparse
import statistics
from pathlib import Path
from unittest import mock

from acnet import precision
from acnet.device import described, set_up_device
from acnet.params.campaign import Campaign
from acnet.params.run import Run
from acnet.plan.measure import measure

RUNS = ("fcn_s16", "acb3")


def seconds(run: Run) -> float:
    """The time of a step, after one to warm up."""
    return measure(run, None, steps=1, warm_up=1).seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="camvid-narrow")
    parser.add_argument("--turns", type=int, default=3)
    parsed = parser.parse_args()
    campaign = Campaign(Path("params"), parsed.scale)
    print(f"{described(set_up_device(1))}\n")
    print("| network | float32 | bfloat16 | torch's own bfloat16 |\n|---|---:|---:|---:|")
    for name in RUNS:
        run = campaign.resolve(name, 0)
        full, half = run.with_training(precision="float32"), run.with_training(precision="bfloat16")
        times = []
        for _ in range(parsed.turns):
            with mock.patch.object(precision, "_has_instructions", return_value=True):
                torchs = seconds(half)
            times.append((seconds(full), seconds(half), torchs))
        first, *others = (statistics.median(some) for some in zip(*times, strict=True))
        print(f"| {name} | {first:.2f} s | {' | '.join(f'{some:.2f} s ({some / first:.2f})' for some in others)} |")


if __name__ == "__main__":
    main()
