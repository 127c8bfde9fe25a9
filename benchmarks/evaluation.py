"""How fast evaluation is, beside what others do; every figure is a ratio of medians of interleaved repeats.

python benchmarks/evaluation.py confusion            counting 2048x1024 label maps
python benchmarks/evaluation.py sliding              multi-scale sliding windows with mirrors

Beside: the formulas of mmsegmentation's IoUMetric and SegTTAModel written out here, torchmetrics and cityscapesscripts
where they are installed. Run it on a machine at rest; `sliding` takes minutes with the defaults on one core.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from acnet.data.transforms import normalise, resampled_region, scaled_size
from acnet.evaluate.confusion import confusion
from acnet.evaluate.counts import count
from acnet.evaluate.inference import predict
from acnet.evaluate.windows import corners
from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.params.measures import load_measures
from acnet.params.protocols import Protocol

PARAMS = Path(__file__).resolve().parents[1] / "params"


def main() -> None:
    """Run one benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["confusion", "sliding"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true", help="CPU time, for a machine that is not at rest")
    parser.add_argument("--backbone", default="resnet50", help="of sliding")
    parser.add_argument("--scales", default="0.5,0.75,1,1.25,1.5,1.75,2,2.25", help="of sliding")
    parser.add_argument("--size", default="512x1024", help="height x width of sliding's image")
    parsed = parser.parse_args()
    torch.set_num_threads(parsed.threads)
    clock = time.process_time if parsed.cpu_time else time.perf_counter
    if parsed.what == "confusion":
        for classes in (19, 150):
            show(f"confusion of 2048x1024 pixels, {classes} classes", counting(classes), parsed.repeats, clock)
    else:
        height, width = map(int, parsed.size.split("x"))
        scales = [float(scale) for scale in parsed.scales.split(",")]
        show(
            f"{len(scales)} scales with mirrors", sliding(parsed.backbone, scales, height, width), parsed.repeats, clock
        )
    print(
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB, all of them in one process"
    )


def show(title: str, ways: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float]) -> None:
    """Time each of `ways` in turn, `repeats` times after a warm-up; the first is ours."""
    times = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            start = clock()
            way()
            if repeat or repeats == 1:
                times[name].append(clock() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    first = next(iter(medians.values()))
    print(title)
    for name, median in medians.items():
        print(f"  {name:<46} {1000 * median:10.1f} ms  {median / first:6.2f} times ours")


def counting(classes: int) -> dict[str, Callable[[], object]]:
    """Ways to count one image's label maps."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, (64, 128)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    truth[:100] = 255
    prediction = np.where(truth == 255, 0, np.roll(truth, 5, 1)).astype(np.uint8)
    prediction[prediction == 255] = 0
    measures = load_measures(PARAMS)
    ways = {
        "ours": lambda: confusion(truth, prediction, classes),
        "ours, with edges, segments and Boundary IoU": lambda: count(truth, prediction, classes, measures),
        "mmsegmentation's formula (torch.histc)": lambda: histograms(truth, prediction, classes),
    }
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


def histograms(truth: np.ndarray, prediction: np.ndarray, classes: int) -> torch.Tensor:
    """Intersections, predicted and true pixels of each class as IoUMetric counts them: (3, K)."""
    truth, prediction = torch.from_numpy(truth), torch.from_numpy(prediction)
    mask = truth != 255
    truth, prediction = truth[mask], prediction[mask]
    parts = (prediction[prediction == truth], prediction, truth)
    return torch.stack([torch.histc(part.float(), bins=classes, min=0, max=classes - 1) for part in parts])


def sliding(backbone: str, scales: list[float], height: int, width: int) -> dict[str, Callable[[], object]]:
    """Ways to score one image by windows of 256 pixels, stride 171, at every scale and mirrored: an FCN at 1/16."""
    params = Campaign(PARAMS, "paper").resolve("fcn_s16", 0).values
    model = {**params["model"], "backbone": backbone, "classes": 19}
    torch.manual_seed(0)
    network = build_network(model).eval()
    ours = build_network(model).eval().to(memory_format=torch.channels_last)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    cpu = torch.device("cpu")
    protocols = {
        precision: Protocol(
            name="bench", scales=scales, mirror=True, window=[256, 256], stride=171 / 256, precision=precision
        )
        for precision in ("float32", "bfloat16")
    }
    return {
        "ours, float32": lambda: predict(ours, image, protocols["float32"], 19, cpu),
        "ours, bfloat16": lambda: predict(ours, image, protocols["bfloat16"], 19, cpu),
        "padded maps added up, float32": lambda: padded(network, image, protocols["float32"]),
    }


def padded(network: torch.nn.Module, image: np.ndarray, protocol: Protocol) -> torch.Tensor:
    """The obvious way, SegTTAModel's: each window's scores padded to the whole, each mirror a pass of its own."""
    total = 0
    with torch.no_grad():
        for scale in protocol.scales:
            size = scaled_size(image.shape[:2], None, scale)
            pixels = normalise(resampled_region(image, size, (0, 0, *size)))[None]
            margin = (0, max(0, 256 - size[1]), 0, max(0, 256 - size[0]))
            pixels = F.pad(pixels, margin)
            h, w = pixels.shape[-2:]
            for mirrored in (False, True):
                source = pixels.flip(-1) if mirrored else pixels
                scores, cover = torch.zeros(1, 19, h, w), torch.zeros(1, 1, h, w)
                for top, left in corners(h, w, (256, 256), protocol.stride):
                    logits = network(source[:, :, top : top + 256, left : left + 256])["logits"]
                    scores += F.pad(logits, (left, w - left - 256, top, h - top - 256))
                    cover[:, :, top : top + 256, left : left + 256] += 1
                scores = (scores / cover)[:, :, : size[0], : size[1]]
                scores = F.interpolate(scores, image.shape[:2], mode="bilinear", align_corners=True)
                total = total + (scores.flip(-1) if mirrored else scores).softmax(1)
    return total / (2 * len(protocol.scales))


if __name__ == "__main__":
    main()
