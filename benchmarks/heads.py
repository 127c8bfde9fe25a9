"""Training step and test image of each row of the table `peers`, turn by turn in one process.

    python benchmarks/heads.py --scale camvid-narrow --turns 3

Random images of the training crop. Prints milliseconds per image (the median of the turns, which go round the networks
so that a busy moment hits all), and how many times the first row's that is.
"""

import argparse
import statistics
from pathlib import Path

from acnet.params.campaign import Campaign
from acnet.params.tables import load_tables
from acnet.plan.measure import inference_seconds, measure


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="mini")
    parser.add_argument("--turns", type=int, default=3)
    parsed = parser.parse_args()
    campaign = Campaign(Path("params"), parsed.scale)
    rows = [row for row in load_tables("params").table("peers").rows if row.ours]
    runs = {row.method: campaign.resolve(row.ours, 0) for row in rows}
    times = {method: ([], []) for method in runs}
    for _ in range(parsed.turns):
        for method, run in runs.items():
            training, test = times[method]
            training.append(measure(run, None, steps=3, warm_up=1).seconds / run.train.batch)
            test.append(inference_seconds(run, 5))
    ours = {method: [statistics.median(some) for some in both] for method, both in times.items()}
    first = next(iter(ours.values()))
    print("| method | training | test | training, ratio | test, ratio |\n| --- | ---: | ---: | ---: | ---: |")
    for method, medians in ours.items():
        cells = [f"{1000 * some:.1f} ms" for some in medians]
        cells += [f"{some / one:.2f}" for some, one in zip(medians, first, strict=True)]
        print(f"| {' | '.join([method, *cells])} |")


if __name__ == "__main__":
    main()
