"""A training so small that a test can run it many times, in this process or another."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from acnet.data.store import Places
from acnet.files import write_json, write_text

IMAGES = 6
PARAMS: dict[str, Any] = {
    "scale": "mini",
    "run": "tiny",
    "seed": 0,
    "dataset": "mini_camvid",
    "reader": "camvid",
    "classes": 11,
    "train_splits": ["train"],
    "evaluate_split": "train",
    "model": {
        "backbone": "resnet18",
        "base_width": 4,
        "stem": "7x7",
        "output_stride": 16,
        "dilation": "uniform",
        "multi_grid": None,
        "reduction": 8,
        "global_context": "gcm",
        "local_context": "lcm",
        "blocks": 1,
        "reuse": 1,
        "delta": 5.0,
        "global_conv": "conv_bn_relu",
        "distance": "euclidean",
        "local_channels": 4,
        "block_channels": [8, 8],
        "dropout": 0.5,
        "align_corners": True,
        "auxiliary": True,
        "auxiliary_channels": 8,
    },
    "init": {"kind": "none", "name": "from scratch"},
    "train": {
        "epochs": 3,
        "batch": 2,
        "crop": [32, 32],
        "base_size": None,
        "scale_range": [0.5, 2.0],
        "mirror": 0.5,
        "learning_rate": 0.05,
        "new_layers_factor": 10.0,
        "momentum": 0.9,
        "weight_decay": 0.0001,
        "decay_norm": True,
        "decay_scalars": True,
        "power": 0.9,
        "auxiliary_weight": 0.4,
        "ohem": False,
        "ohem_threshold": 0.7,
        "ohem_keep": 0.1,
        "precision": "float32",
        "accumulate": 1,
        "compile": False,
        "threads": 1,
        "save_minutes": 5.0,
    },
}
STEPS = PARAMS["train"]["epochs"] * IMAGES // PARAMS["train"]["batch"]


def tiny_params(**changes: Any) -> dict[str, Any]:
    """PARAMS with other values, named as in the sections or at the top."""
    params = copy.deepcopy(PARAMS)
    for name, value in changes.items():
        where = next((params[part] for part in ("train", "model") if name in params[part]), params)
        assert name in where, name
        where[name] = value
    return params


def prepare(data: Path, largest: int = 10) -> None:
    """Write the prepared dataset of the tiny training, with classes up to `largest`."""
    rng = np.random.default_rng(0)
    known = np.array([*range(largest + 1), 255], np.uint8)
    images, labels = [], []
    for size in [(40 + i, 56 - i) for i in range(IMAGES)]:
        # A colour of its own and patches: images that differ as photographs do, not noise that averages to one grey.
        patches = rng.integers(0, 100, (8, 8, 3)).repeat(8, 0).repeat(8, 1)[: size[0], : size[1]]
        images.append((rng.integers(0, 120, 3) + patches + rng.integers(0, 30, (*size, 3))).astype(np.uint8))
        labels.append(rng.choice(known, size))
    write_split(data / PARAMS["dataset"], "train", images, labels)


def write_split(folder: Path, split: str, images: list[np.ndarray], labels: list[np.ndarray]) -> None:
    """Write a prepared dataset with one split; what `folder` held of that split is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [label.shape for label in labels]
    places = Places.of(folder, split, True, sizes)
    for path in places.files:
        path.unlink(missing_ok=True)
    places.reserve()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        places.place(i).write(image, label)
    files = places.finish([f"street_{i}" for i in range(len(labels))], sizes)
    counts = {"expected": len(labels), "images": len(labels)}
    write_json(folder / "manifest.json", {"splits": {split: {**counts, "files": files}}})


def write_params(folder: Path, params: dict[str, Any]) -> Path:
    """params.yaml of a run, for a training in another process."""
    write_text(folder / "params.yaml", yaml.safe_dump(params))
    return folder / "params.yaml"
