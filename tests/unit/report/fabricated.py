"""A results tree made up from seeded random numbers, as training and evaluation would write it."""

import functools
import json
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from acnet.data.classes import load
from acnet.evaluate.counts import Counts, ImageCounts, write_counts
from acnet.params.measures import load_measures, load_rule
from acnet.params.run import write_run
from acnet.params.tables import Tables
from acnet.report.scale import ScaleInfo
from tests.tiny import tiny_run

PARAMS = Path(__file__).parents[3] / "params"
MEASURES = load_measures(PARAMS)
MINI = ScaleInfo(
    name="mini",
    title="Mini",
    banner="Generated images. These numbers show the chain, not the method.",
    comparable=False,
    seeds=[0],
    tables=[f"table{n}" for n in range(1, 9)],
    figures=["figure1", "figure4", "figure5"],
    generated=True,
    roles={"ResNet-50": "resnet18", "ResNet-101": "resnet34"},
    measures=MEASURES,
    rule=load_rule(PARAMS),
)
READERS = {"ade": "ade20k", "context": "pascal_context", "stuff": "cocostuff10k"}


def fill(results: Path, scale: ScaleInfo, tables: Tables, skip: Iterable[str] = (), reader: str = "cityscapes") -> None:
    """Write every run that the scale's tables and figures need, but those in `skip`."""
    runs = [run for run in tables.trained([*scale.tables, *scale.figures]) if run not in skip]
    protocols = {"single", "single_flip", "multi_flip"}
    examples = {run for figure in tables.figures.values() for run in figure.example_runs()}
    for run in runs:
        for seed in scale.seeds:
            folder = results / scale.name / run / f"seed{seed}"
            own = READERS.get(run.split("_")[0], reader)
            write_params(folder, scale.name, run, seed, own)
            for protocol in protocols if not run.endswith("trainval") else ():
                write_metrics(folder, scale.name, run, seed, protocol, own)
            if run in examples:
                write_examples(folder, own, gates=0 if run == "fcn_s16" else 3)


@functools.cache
def metrics(scale: str, run: str, seed: int, protocol: str, reader: str) -> str:
    """A metrics file's content as JSON; its numbers follow from a random confusion matrix."""
    names = load(reader).names
    rng = np.random.default_rng(zlib.crc32(f"{scale} {run} {seed} {protocol}".encode()))
    counts = np.sort(np.random.default_rng(1).lognormal(8, 1.5, len(names)).astype(int) + 50)[::-1]
    right = rng.uniform(0.55, 0.95, len(names))
    confusion = (rng.dirichlet(np.ones(len(names)), len(names)) * (counts * (1 - right))[:, None]).astype(int)
    confusion[np.diag_indices(len(names))] += (counts * right).astype(int)
    iou = np.diag(confusion) / (confusion.sum(0) + confusion.sum(1) - np.diag(confusion))
    pixacc = np.trace(confusion) / confusion.sum()
    found = {
        "scale": scale, "run": run, "seed": seed, "reader": reader, "protocol": {"name": protocol},
        "miou": iou.mean(), "pixacc": pixacc,
        "class_iou": dict(zip(names, iou, strict=True)),
        "class_pixels": dict(zip(names, confusion.sum(1).tolist(), strict=True)),
    }  # fmt: skip
    if reader == "ade20k":
        found["final_score"] = (iou.mean() + pixacc) / 2
    if reader == "pascal_context":
        found["miou60"] = iou.mean() * 59 / 60
    return json.dumps(found)


def write_metrics(folder: Path, scale: str, run: str, seed: int, protocol: str, reader: str) -> Path:
    path = folder / "metrics" / f"{protocol}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(metrics(scale, run, seed, protocol, reader))
    return path


def write_params(folder: Path, scale: str, run: str, seed: int, reader: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = tiny_run(scale=scale, name=run, seed=seed, dataset=f"{scale}_{reader}", reader=reader, epochs=30)
    write_run(made, {"model.delta": "paper: Eq. 2 and Table 1"}, folder / "params.yaml")
    scalars = {"alpha.0": 1.0, "beta.0": 1.0}
    provenance = {
        "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False, "source_hash": "5f2c",
        "versions": {"python": "3.11.4", "torch": "2.15.0"}, "device": "cpu", "threads": 1, "precision": "float32",
        "started": "2024-05-01T10:00:00+00:00", "finished": "2024-05-01T10:01:15+00:00", "seconds": 75.3,
        "params_hash": f"{zlib.crc32(run.encode()):08x}", "initial_weights": "none", "checkpoint_sha256": "ab" * 32,
        "context_scalars": {"initial": scalars, "final": {"alpha.0": 0.83, "beta.0": 1.21}},
    }  # fmt: skip
    (folder / "provenance.json").write_text(json.dumps(provenance))
    lines = ["step,epoch,loss,main_loss,auxiliary_loss,learning_rate,kept,seconds"]
    lines += [f"{s},{s / 10},{3 / (1 + s / 20):.4f},{3 / (1 + s / 20):.4f},,0.01,1.0,{s}" for s in range(1, 301, 3)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")


def write_examples(folder: Path, reader: str, gates: int, size: tuple[int, int] = (48, 96), count: int = 3) -> None:
    """Scenes of flat regions, predictions with errors, and gates whose maximum is 1."""
    height, width = size
    rng = np.random.default_rng(7)
    arrays = {"names": np.array([f"scene_{i}" for i in range(count)])}
    for i in range(count):
        truth = np.zeros(size, np.uint8)
        truth[: height // 2] = 10
        truth[height // 3 : height // 2, width // 4 * i :] = 2
        truth[height // 2 :, : width // 3] = 13
        truth[:2] = 255
        noise = rng.random(size) < 0.1
        arrays[f"image_{i}"] = (
            load(reader).palette[np.minimum(truth, 10)] // 2 + rng.integers(0, 60, (*size, 3))
        ).astype(np.uint8)
        arrays[f"label_{i}"] = truth
        arrays[f"prediction_{i}"] = np.where(noise, 5, np.where(truth == 255, 10, truth)).astype(np.uint8)
        for j in range(gates):
            step = 16 >> j
            distance = rng.random((height // step, width // step)).astype(np.float32)
            arrays[f"gate_{i}_{j}"] = np.exp(-(distance - distance.min()) / np.float32(0.5))
    np.savez_compressed(folder / "examples.npz", **arrays)


def write_gates(
    folder: Path,
    blocks: int = 3,
    ends: tuple[float, ...] = (0.1, 1.0, 1.0),
    **contrasts: tuple[float, float, float, float],
) -> None:
    """gates.json; `contrasts` are gate, shuffled, low, high, of large less small and of far less near.

    `ends` are the smallest value, the largest, and the smallest of the images' largest.
    """
    group = {"mean": 0.5, "shuffled": 0.4, "pixels": 100}
    names = load("cityscapes").names
    given = {"large_minus_small": (0.2, 0.01, 0.1, 0.3), "far_minus_near": (0.1, 0.0, 0.05, 0.15), **contrasts}
    block = {
        "stride": 16, "alpha": 0.8, "beta": 1.2, "mean": 0.5, "far": "beyond 8", "near": "to 2",
        "classes": {name: {**group, "mean": 0.3 + i / 50} for i, name in enumerate(names[:-1])}
        | {names[-1]: {"mean": None, "shuffled": None, "pixels": 0}},
        "segments": dict.fromkeys(("small", "medium", "large"), group),
        "distances": dict.fromkeys(("to 2", "to 4", "beyond 4"), group),
        "contrasts": {n: {"gate": g, "shuffled": s, "interval": [a, b]} for n, (g, s, a, b) in given.items()},
    }  # fmt: skip
    block |= dict(zip(("smallest", "largest", "smallest_maximum"), ends, strict=True))
    (folder / "gates.json").write_text(json.dumps({"dataset": "cityscapes", "images": 16, "blocks": [block] * blocks}))


def write_images(
    results: Path, run: str, right: Iterable[int], names: str = "abcdefghij", protocol: str = "single", seed: int = 0
) -> None:
    """Counts of images of 100 pixels of class 0, so many of each `right`, the others taken for class 1."""
    images = []
    for number in right:
        codes = np.array([0, 1], np.uint32)  # of ring 0, small segments: truth 0, predicted 0 or 1
        images.append(ImageCounts(codes, np.array([number, 100 - number], np.uint32), np.zeros((3, 19), np.uint32)))
    counts = Counts.join(names[: len(images)], 19, MEASURES.bands, images)
    write_counts(results / run / f"seed{seed}" / "metrics" / f"{protocol}.images.npz", counts)


def write_parts(
    results: Path, run: str, seed: int, bands: Iterable[int] = tuple(MEASURES.bands), **iou: float | None
) -> None:
    """Counts of one image: class 0 in small and large segments and near edges, with these IoUs (None: not there).

    The rest is taken for class 1, which is labelled nowhere, so that it counts in no part.
    """
    regions = {"small": 3 * 3 + 0, "large": 3 * 3 + 2, "edges": 1 * 3 + 1}  # 3 * ring + size; edges: of medium segments
    codes, pixels = [], []
    for part, value in iou.items():
        if value is not None:
            codes += [regions[part] * 19**2, regions[part] * 19**2 + 1]
            pixels += [round(10000 * value), 10000 - round(10000 * value)]
    image = ImageCounts(np.array(codes, np.uint32), np.array(pixels, np.uint32), np.zeros((3, 19), np.uint32))
    counts = Counts.join("a", 19, list(bands), [image])
    write_counts(results / run / f"seed{seed}/metrics/single.images.npz", counts)


def change(results: Path, run: str, protocol: str = "single", /, seed: int = 0, **values) -> None:
    """Replace entries of one metrics file."""
    path = results / run / f"seed{seed}" / "metrics" / f"{protocol}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
