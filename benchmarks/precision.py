"""Loss curves in bfloat16 beside float32's: whether their distance is within what another seed changes.

    acnet data generate mini_cityscapes && acnet data prepare mini_cityscapes
    python benchmarks/precision.py --scale mini --run acb3 --seeds 0 1 2

Trains the run with every seed in both precisions and writes benchmarks/results/precision-{scale}-{run}.csv, a row for
each point of the curve. Printed is the last third of the curves: each precision's mean loss and its spread over seeds.
"""

import argparse
import csv
import statistics
import tempfile
from pathlib import Path

from acnet.files import replacing
from acnet.params.campaign import Campaign
from acnet.train.train import train_run

ROOT = Path(__file__).resolve().parents[1]
PRECISIONS = ("float32", "bfloat16")


def curve(campaign: Campaign, run: str, seed: int, precision: str, data: Path, out: Path) -> list[tuple[int, float]]:
    """Step and loss of every point of a training."""
    folder = out / precision / f"seed{seed}"
    train_run(campaign.resolve(run, seed).with_training(precision=precision), folder, data)
    with open(folder / "history.csv", newline="") as handle:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(handle)]


def main() -> None:
    """Train, write and summarise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="mini")
    parser.add_argument("--run", default="acb3", help="one that starts from scratch or from a backbone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    arguments = parser.parse_args()
    campaign = Campaign(ROOT / "params", arguments.scale)
    with tempfile.TemporaryDirectory() as folder:
        curves = {
            (precision, seed): curve(campaign, arguments.run, seed, precision, arguments.data_root, Path(folder))
            for seed in arguments.seeds
            for precision in PRECISIONS
        }
    file = ROOT / "benchmarks" / "results" / f"precision-{arguments.scale}-{arguments.run}.csv"
    with replacing(file) as temporary, open(temporary, "w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["step", *(f"{precision} seed {seed}" for precision, seed in curves)])
        for points in zip(*curves.values(), strict=True):
            writer.writerow([points[0][0], *(f"{loss:.5f}" for _, loss in points)])
    for precision in PRECISIONS:
        ends = []
        for seed in arguments.seeds:
            losses = [loss for _, loss in curves[precision, seed]]
            ends.append(statistics.mean(losses[-len(losses) // 3 :]))
        print(f"{precision}: mean loss {statistics.mean(ends):.4f}, seeds {min(ends):.4f} to {max(ends):.4f}")


if __name__ == "__main__":
    main()
