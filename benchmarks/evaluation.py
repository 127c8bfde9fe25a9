"""How fast evaluation is beside what others do; every ratio is of times taken in one run.

python benchmarks/evaluation.py confusion      counting label maps of 2048x1024 pixels: medians of interleaved repeats
python benchmarks/evaluation.py sliding        eight scales with flips and windows, each way in a process of its own

Beside: mmsegmentation (benchmarks/mmsegmentation.py says how to install it), torchmetrics, and the compiled counting of
cityscapesscripts (`CYTHONIZE_EVAL=1 pip install` of its repository, with cython, numpy and a compiler); what is not
installed is named and left out. Run it on a machine at rest; `sliding` takes minutes.
"""

import argparse
import dataclasses
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import mmsegmentation
import numpy as np
import torch
from scipy.spatial import cKDTree

from acnet.data.transforms import resampled_region, scaled_size
from acnet.evaluate.counts import confusion, count
from acnet.evaluate.inference import Predictor
from acnet.evaluate.trained_network import InferenceNetwork
from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.params.measures import load_measures
from acnet.params.protocols import Protocol

PARAMS = Path(__file__).resolve().parents[1] / "params"
CLASSES, WINDOW, STEP = 19, 256, 171
_COMPARED = [0.5, 1.0]
WAYS = ("mmsegmentation's SegTTAModel", "ours, float32", "ours, bfloat16")


def main() -> None:
    """Run one benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["confusion", "sliding"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9, help="of confusion")
    parser.add_argument("--scales", default="0.5,0.75,1,1.25,1.5,1.75,2,2.25", help="of sliding")
    parser.add_argument("--size", default="512x1024", help="height x width of sliding's image")
    parser.add_argument("--way", action="append", choices=WAYS, help="of sliding; may repeat (all)")
    parsed = parser.parse_args()
    if parsed.what == "confusion":
        torch.set_num_threads(parsed.threads)
        for maps in ("label maps", "noise"):
            for classes in (19, 150):
                ways = counting(*(label_maps if maps == "label maps" else noise)(classes), classes)
                show(f"confusion of 2048x1024 pixels, {maps}, {classes} classes", ways, parsed.repeats)
    else:
        size = tuple(map(int, parsed.size.split("x")))
        scales = [float(scale) for scale in parsed.scales.split(",")]
        sliding(parsed.way or WAYS, scales, size, parsed.threads)


def show(title: str, ways: dict[str, Callable[[], object]], repeats: int) -> None:
    """Time each of `ways` in turn, `repeats` times after a warm-up; the first is ours."""
    times = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if repeat:
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    first = next(iter(medians.values()))
    print(title)
    for name, median in medians.items():
        print(f"  {name:<46} {1000 * median:8.1f} ms  {median / first:6.2f} times ours")


def label_maps(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A label map and a prediction that are as even as real ones: 1 % of neighbours differ, as in Cityscapes' own."""
    rng = np.random.default_rng(0)
    seeds, label = rng.random((150, 2)) * (1024, 2048), rng.integers(0, classes, 150)
    guess = np.where(rng.random(150) < 0.2, rng.integers(0, classes, 150), label)
    pixels = np.stack(np.mgrid[:1024, :2048], -1).reshape(-1, 2)
    truth, prediction = (
        of[cKDTree(places).query(pixels)[1]].reshape(1024, 2048).astype(np.uint8)
        for of, places in ((label, seeds), (guess, seeds + rng.normal(0, 5, seeds.shape)))
    )
    truth[900:] = 255
    return truth, prediction


def noise(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Maps of which every pixel is another class: the worst case."""
    return tuple(np.random.default_rng(0).integers(0, classes, (2, 1024, 2048)).astype(np.uint8))


def counting(truth: np.ndarray, prediction: np.ndarray, classes: int) -> dict[str, Callable[[], object]]:
    """Ways to count one image's label maps."""
    measures = load_measures(PARAMS)
    ways = {
        "ours": lambda: confusion(truth, prediction, classes),
        "ours, with edges, segments and Boundary IoU": lambda: count(truth, prediction, classes, measures),
    }
    if mmsegmentation.installed():
        ways["mmsegmentation's IoUMetric"] = lambda: mmsegmentation.intersect_and_union(truth, prediction, classes)
    else:
        print("mmsegmentation is not installed")
    try:
        from torchmetrics.functional.classification import multiclass_confusion_matrix as matrix
    except ImportError:
        print("torchmetrics is not installed")
    else:
        maps = [torch.from_numpy(one.astype(np.int64)) for one in (prediction, truth)]
        ways["torchmetrics"] = lambda: matrix(*maps, classes, ignore_index=255, validate_args=False)
    try:
        from cityscapesscripts.evaluation import addToConfusionMatrix as compiled
    except ImportError:
        print("cityscapesscripts' compiled counting is not installed")
    else:
        empty, ids = np.zeros((256, 256), np.ulonglong), list(range(classes))
        ways["cityscapesscripts, compiled"] = lambda: compiled.cEvaluatePair(prediction, truth, empty.copy(), ids)
    return ways


def sliding(ways: list[str], scales: list[float], size: tuple[int, int], threads: int) -> None:
    """Score one image by every way, and say how much of their label maps agrees with the first's.

    The maps are those of two scales without flips: SegTTAModel takes the softmax of each flip, we of their mean.
    """
    if WAYS[0] in ways and not mmsegmentation.installed():
        print("mmsegmentation is not installed")
        ways = [way for way in ways if way != WAYS[0]]
    if not ways:
        return
    print(f"FCN-50 at 1/16, {len(scales)} scales with flips, {size[1]}x{size[0]}, windows of {WINDOW}, step {STEP}")
    context, first = multiprocessing.get_context("spawn"), None
    for way in ways:
        # A process of its own, so that its peak of memory is its own.
        with context.Pool(1) as pool:
            seconds, peak, labels = pool.apply(scored, (way, scales, size, threads))
        first = first or (seconds, labels)
        print(
            f"  {way:<30} {seconds:7.1f} s  {first[0] / seconds:5.2f} times as fast  peak {peak:5.2f} GiB"
            f"  same class without flips {100 * float((labels == first[1]).mean()):6.2f} %",
            flush=True,
        )


def scored(way: str, scales: list[float], size: tuple[int, int], threads: int):
    """Seconds by all scales with flips, peak of memory in GiB, and the label map by two scales without."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = lively(build_network(Campaign(PARAMS, "paper").resolve("fcn_s16", 0).model, CLASSES)).eval()
    coarse = np.random.default_rng(0).integers(0, 256, (size[0] // 16, size[1] // 16, 3)).astype(np.uint8)
    image = resampled_region(coarse, size, (0, 0, *size))
    if way == WAYS[0]:
        peer = mmsegmentation.tta_model(network, CLASSES, WINDOW, STEP)
        del network

        def given(scales: list[float], flips: tuple[bool, ...]) -> dict:
            sizes = [scaled_size(size, None, scale) for scale in scales]
            return mmsegmentation.augmented([resampled_region(image, s, (0, 0, *s)) for s in sizes], flips, size)

        every, two = given(scales, (False, True)), given(_COMPARED, (False,))

        def compute() -> np.ndarray:
            return mmsegmentation.label_map(peer, every)

        def compare() -> np.ndarray:
            return mmsegmentation.label_map(peer, two)
    else:
        ours = Predictor(InferenceNetwork(network.to(memory_format=torch.channels_last)), CLASSES, torch.device("cpu"))
        several = Protocol(
            name="bench", scales=scales, flip=True, window=[WINDOW, WINDOW], stride=STEP / WINDOW,
            precision=way.rpartition(" ")[2], batch=2,
        )  # fmt: skip
        two = dataclasses.replace(several, scales=_COMPARED, flip=False)

        def compute() -> np.ndarray:
            return ours.label_map(image, several, "")

        def compare() -> np.ndarray:
            return ours.label_map(image, two, "")

    labels = compare()  # warms up, too
    start = time.perf_counter()
    compute()
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, labels


def lively(network: torch.nn.Module) -> torch.nn.Module:
    """Statistics for BN other than 0 and 1, and scores that differ, so that an error of either side would show."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)
            module.weight.data.uniform_(0.5, 1.0)
            module.bias.data.uniform_(-0.1, 0.1)
    return network


if __name__ == "__main__":
    main()
