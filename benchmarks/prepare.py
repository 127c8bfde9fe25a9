"""Images per second: preparing a store against only decoding the same PNGs with as many processes.

    python benchmarks/prepare.py FOLDER [--images 96] [--turns 7] [--processes 1,2]

FOLDER holds Cityscapes in its official layout; a few images do, each then stands for several. Both sides open image and
label with Pillow and have the pixels as arrays; preparation besides turns ids to train ids, counts classes, takes
checksums, writes, and flushes to disk. Turn by turn; the figure is the median of the turns' ratios. Each side runs in a
process of its own, started anew in every turn, as do the processes that it starts. The first turn is left out: a
virtual machine that was never so full has to be given its memory first.

The store is written in --scratch, which should lie on the disk that data/ is on: a disk slower than 9 MB for each image
decoded is all that is measured otherwise.
"""

import argparse
import dataclasses
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from acnet.data import readers
from acnet.data.pair import Pair
from acnet.data.pool import Pool
from acnet.data.prepare import prepare
from acnet.params.datasets import find_dataset

ROOT = Path(__file__).resolve().parents[1]


def decode(pair: Pair) -> int:
    """The pixels of both files as arrays; how many there are."""
    with Image.open(pair.image) as image, Image.open(pair.label) as label:
        return np.asarray(image).size + np.asarray(label).size


def repeated(folder: Path, images: int, out: Path) -> None:
    """A tree of so many images that are links to those of `folder`."""
    found = readers.pairs("cityscapes", folder, "train")
    for kind, ending in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_labelIds")):
        place = out / kind / "train" / "city"
        place.mkdir(parents=True)
        for index in range(images):
            pair = found[index % len(found)]
            target = pair.image if kind == "leftImg8bit" else pair.label
            os.symlink(target.resolve(), place / f"city_{index:06d}_000000_{ending}.png")


def decoding(tree: Path, count: int) -> float:
    """Seconds to decode everything."""
    pairs = readers.pairs("cityscapes", tree, "train")
    began = time.perf_counter()
    with Pool(count) as pool:
        for _ in pool.run(decode, ((pair,) for pair in pairs)):
            pass
    return time.perf_counter() - began


def preparing(tree: Path, count: int) -> float:
    """Seconds to prepare everything."""
    images = len(readers.pairs("cityscapes", tree, "train"))
    dataset = dataclasses.replace(find_dataset(ROOT / "params", "cityscapes"), splits={"train": images})
    with tempfile.TemporaryDirectory(dir=tree.parent) as out:
        began = time.perf_counter()
        prepare("benchmark", dataset, tree, Path(out), count)
        return time.perf_counter() - began


def alone(work: Callable[[Path, int], float], tree: Path, count: int) -> float:
    """What `work` returns in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(work, tree, count).result()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--processes", default="1,2")
    parser.add_argument("--scratch", type=Path, default=Path("."))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.scratch) as scratch:
        tree = Path(scratch) / "tree"
        repeated(asked.folder, asked.images, tree)
        rates: dict[tuple[int, str], list[float]] = {}
        for turn in range(asked.turns + 1):
            for count in map(int, asked.processes.split(",")):
                for name, work in (("decode", decoding), ("prepare", preparing)):
                    rates.setdefault((count, name), []).append(asked.images / alone(work, tree, count))
            said = (f"{name} with {count} {values[-1]:.1f}/s" for (count, name), values in rates.items())
            print(f"turn {turn}: {', '.join(said)}", flush=True)
        for count in sorted({count for count, _ in rates}):
            sides = {name: rates[count, name][1:] for name in ("prepare", "decode")}
            ratio = statistics.median(a / b for a, b in zip(*sides.values(), strict=True))
            medians = ", ".join(f"{name} {statistics.median(values):.1f}/s" for name, values in sides.items())
            print(f"{count} process(es): {medians}; prepared at {ratio:.3f} of the rate of decoding")


if __name__ == "__main__":
    main()
