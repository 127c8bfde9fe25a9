"""Training crops per second: this project's loader against decoding every image anew, turn by turn in one process.

    python benchmarks/loader.py FOLDER [--turns 5] [--samples 64] [--workers 2]

FOLDER holds Cityscapes in its official layout (a few images do). Both sides draw a random scale of 0.5-2.2, a crop of
768, a mirror, and normalise. The peer repeats the operations of mmsegmentation's pipeline (LoadImageFromFile,
LoadAnnotations, RandomResize, RandomCrop with cat_max_ratio 0.75, RandomFlip, normalisation) in worker processes, with
OpenCV where it is installed, as mmsegmentation has it, else with Pillow. It is not mmsegmentation itself.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from acnet.data import classes, readers
from acnet.data.pair import Pair
from acnet.data.store import Places, Store
from acnet.data.training import TrainingSamples

CROP, SCALES, CAT_MAX = 768, (0.5, 2.2), 0.75
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

try:
    import cv2

    cv2.setNumThreads(1)
except ImportError:
    cv2 = None


def read(path: Path) -> np.ndarray:
    """An image, BGR with OpenCV and RGB with Pillow."""
    if cv2:
        return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    with Image.open(path) as image:
        return np.array(image)


def read_grey(path: Path) -> np.ndarray:
    """A label as it lies on disk."""
    if cv2:
        return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    with Image.open(path) as image:
        return np.array(image)


def resize(array: np.ndarray, width: int, height: int, smooth: bool) -> np.ndarray:
    """The whole array at another size."""
    if cv2:
        return cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST)
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.BILINEAR if smooth else 0))


class DecodeEachTime(torch.utils.data.Dataset):
    """mmsegmentation's operations in its order."""

    def __init__(self, pairs: list[Pair], samples: int):
        self.pairs, self.samples = pairs, samples
        self.table = classes.load("cityscapes").train_ids

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        chance = np.random.default_rng(k)
        pair = self.pairs[k % len(self.pairs)]
        image, label = read(pair.image), self.table[read_grey(pair.label)]
        scale = chance.uniform(*SCALES)
        width, height = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image, label = resize(image, width, height, True), resize(label, width, height, False)
        for _ in range(10):  # until no class fills more than CAT_MAX of the crop
            top = chance.integers(max(0, height - CROP) + 1)
            left = chance.integers(max(0, width - CROP) + 1)
            part = label[top : top + CROP, left : left + CROP]
            _, counts = np.unique(part[part != 255], return_counts=True)
            if len(counts) > 1 and counts.max() < CAT_MAX * counts.sum():
                break
        image, label = image[top : top + CROP, left : left + CROP], part
        if chance.random() < 0.5:
            image, label = image[:, ::-1], label[:, ::-1]
        below, right = CROP - image.shape[0], CROP - image.shape[1]
        image = np.pad(image, ((0, below), (0, right), (0, 0)))
        label = np.pad(label, ((0, below), (0, right)), constant_values=255)
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()
        pixels = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        return pixels, torch.from_numpy(label.astype(np.int64))


def with_processes(dataset: torch.utils.data.Dataset, workers: int) -> Iterator:
    """The samples, by worker processes."""
    return iter(torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers))


def with_threads(samples: TrainingSamples, count: int, workers: int) -> Iterator:
    """The samples, by threads over the memory map, as training takes them."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(samples.__getitem__, range(count))


def rate(start: Callable[[], Iterator], skip: int) -> float:
    """Samples per second, the first `skip` and the start of workers left out."""
    samples = start()
    for _ in range(skip):
        next(samples)
    began, count = time.perf_counter(), sum(1 for _ in samples)
    return count / (time.perf_counter() - began)


def store_of(pairs: list[Pair], folder: Path) -> Store:
    """The pairs as a prepared split."""
    from acnet.files import write_json

    loaded = [readers.load_pair("cityscapes", pair) for pair in pairs]
    sizes = [label.shape for _, label in loaded]
    places = Places.of(folder, "train", True, sizes)
    places.reserve()
    for index, (image, label) in enumerate(loaded):
        places.place(index).write(image, label)
    write_json(
        folder / "manifest.json", {"splits": {"train": {"files": places.finish([p.name for p in pairs], sizes)}}}
    )
    return Store(folder, "train")


def drop_cache(store: Store) -> None:
    """Ask the system to forget the store's files, as if they were larger than memory."""
    import os

    for path in store.folder.glob("*.bin"):
        with open(path, "rb") as handle:
            os.fsync(handle.fileno())
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pairs = readers.pairs("cityscapes", asked.folder, "train")
    with tempfile.TemporaryDirectory() as scratch:
        # Copies under other names, so that the store is not only a few images in the processor's cache.
        store = store_of(pairs * max(1, 12 // len(pairs)), Path(scratch))
        image, label = readers.load_pair("cityscapes", pairs[0])
        same = np.array_equal(store.image(0), image) and np.array_equal(store.label(0), label)
        print(f"stored bytes equal to a plain decode: {same}")
        ours = TrainingSamples([store], (CROP, CROP), None, SCALES, 0.5, 0, 1)
        sides = {
            f"peer (mmsegmentation's operations, {'OpenCV' if cv2 else 'Pillow'}), processes": lambda: with_processes(
                DecodeEachTime(pairs, asked.samples), asked.workers
            ),
            "store, threads (as in training)": lambda: with_threads(ours, asked.samples, asked.workers),
            "store, processes": lambda: with_processes(_Cut(ours, asked.samples), asked.workers),
        }
        found: dict[str, list[float]] = {name: [] for name in [*sides, "store, threads, cold page cache"]}
        for turn in range(asked.turns):
            for name, start in sides.items():
                found[name].append(rate(start, 2 * asked.workers))
            drop_cache(store)
            found["store, threads, cold page cache"].append(rate(lambda: with_threads(ours, 12, asked.workers), 0))
            print(f"turn {turn + 1}: " + "; ".join(f"{values[-1]:.1f}/s" for values in found.values()), flush=True)
        peer = found[next(iter(found))]
        for name, values in found.items():
            ratio = statistics.median(a / b for a, b in zip(values, peer, strict=True))
            print(f"{name}: median {statistics.median(values):.1f} crops/s, {ratio:.1f} times the peer")


class _Cut(torch.utils.data.Dataset):
    """The first `count` samples of an endless sequence."""

    def __init__(self, samples: TrainingSamples, count: int):
        self.samples, self.count = samples, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> tuple:
        if k >= self.count:
            raise IndexError(k)
        return self.samples[k]


if __name__ == "__main__":
    main()
