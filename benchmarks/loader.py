"""Training crops per second: this project's loader against mmsegmentation's own pipeline, turn by turn.

    python benchmarks/loader.py FOLDER [--turns 5] [--samples 64] [--workers 2]

FOLDER holds Cityscapes in its official layout (a few images do). Both sides draw a random scale of 0.5-2.2, a crop of
768, a flip, and normalise. The peer is mmsegmentation's CityscapesDataset (LoadImageFromFile, LoadAnnotations,
RandomResize, RandomCrop with cat_max_ratio 0.75, RandomFlip, PackSegInputs) in the worker processes of a torch
DataLoader. It needs `pip install mmsegmentation==1.2.2 mmcv-lite==2.1.0 ftfy regex`; without it, it is left out.
"Page cache dropped" asks the system to forget the store's files before each turn, as if they were larger than memory.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from mmsegmentation import installed
from PIL import Image

from acnet.data import readers
from acnet.data.pair import Pair
from acnet.data.store import Places, Store
from acnet.data.training import TrainingSamples
from acnet.files import write_json

CROP, SCALES, CAT_MAX = 768, (0.5, 2.2), 0.75
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def mmsegmentation(pairs: list[Pair], folder: Path, samples: int) -> torch.utils.data.Dataset | None:
    """Its CityscapesDataset over the pairs, `samples` long; None where it is not installed."""
    if not installed():
        return None
    import cv2
    from mmengine.logging import MMLogger
    from mmseg.datasets import CityscapesDataset
    from mmseg.utils import register_all_modules

    cv2.setNumThreads(1)
    register_all_modules()
    MMLogger.get_current_instance().setLevel("ERROR")
    for pair in pairs:
        image, label = readers.load_pair("cityscapes", pair)
        for kind, ending in (("img", "_leftImg8bit.png"), ("seg", "_gtFine_labelTrainIds.png")):
            path = folder / kind / f"{pair.name}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "img":
                os.symlink(pair.image.resolve(), path)
            else:
                Image.fromarray(label).save(path)
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations"},
        {"type": "RandomResize", "scale": image.shape[1::-1], "ratio_range": SCALES, "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (CROP, CROP), "cat_max_ratio": CAT_MAX},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PackSegInputs"},
    ]
    prefix = {"img_path": str(folder / "img"), "seg_map_path": str(folder / "seg")}
    return Normalised(CityscapesDataset(data_prefix=prefix, pipeline=steps), samples)


class Normalised(torch.utils.data.Dataset):
    """mmsegmentation's samples, normalised and padded in the worker, where its data preprocessor would cost more."""

    def __init__(self, inner: torch.utils.data.Dataset, samples: int):
        self.inner, self.samples = inner, samples

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        made = self.inner[k % len(self.inner)]
        image = made["inputs"][[2, 1, 0]].float()  # OpenCV's BGR
        image = (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        label = made["data_samples"].gt_sem_seg.data[0].long()
        margin = (0, CROP - label.shape[1], 0, CROP - label.shape[0])
        return torch.nn.functional.pad(image, margin), torch.nn.functional.pad(label, margin, value=255)


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
    loaded = [readers.load_pair("cityscapes", pair) for pair in pairs]
    sizes = [label.shape for _, label in loaded]
    places = Places(folder, "train", True, sizes)
    places.reserve()
    checksums = [places.place(index).write(*pair) for index, pair in enumerate(loaded)]
    files = places.finish([pair.name for pair in pairs], checksums)
    write_json(folder / "manifest.json", {"splits": {"train": {"files": files}}})
    return Store(folder, "train")


def drop_cache(store: Store) -> None:
    """Ask the system to forget the store's files."""
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
        plain = TrainingSamples([store], image.shape[:2], None, (1.0, 1.0), 0.0, 0, 1)
        print(f"samples at scale 1 equal to a plain decode: {all(equal(plain[k], pairs) for k in range(len(pairs)))}")
        peer = mmsegmentation(pairs, Path(scratch) / "mmsegmentation", asked.samples)
        if peer is None:
            print("mmsegmentation is not installed: the peer is left out")
        sides: dict[str, Callable[[], Iterator]] = {}
        if peer is not None:
            sides["mmsegmentation, processes"] = lambda: with_processes(peer, asked.workers)
        sides["store, threads (as in training)"] = lambda: with_threads(ours, asked.samples, asked.workers)
        sides["store, processes"] = lambda: with_processes(_Cut(ours, asked.samples), asked.workers)
        cold = "store, threads, page cache dropped"
        found: dict[str, list[float]] = {name: [] for name in [*sides, cold]}
        for turn in range(asked.turns):
            for name, start in sides.items():
                found[name].append(rate(start, 2 * asked.workers))
            drop_cache(store)
            found[cold].append(rate(lambda: with_threads(ours, len(store), asked.workers), 0))
            print(f"turn {turn + 1}: " + "; ".join(f"{values[-1]:.1f}/s" for values in found.values()), flush=True)
        first = next(iter(found))
        for name, values in found.items():
            ratio = statistics.median(a / b for a, b in zip(values, found[first], strict=True))
            print(f"{name}: median {statistics.median(values):.1f} crops/s, {ratio:.1f} times {first}")


def equal(sample: tuple, pairs: list[Pair]) -> bool:
    """Whether an unscaled, uncut sample holds the bytes of its image and label as decoded."""
    pixels, target, name = sample
    pair = next(pair for pair in pairs if pair.name == name)
    image, label = readers.load_pair("cityscapes", pair)
    back = pixels * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
    same = torch.equal(back.round().to(torch.uint8), torch.from_numpy(image.transpose(2, 0, 1).copy()))
    return same and np.array_equal(target.numpy(), label)


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
