"""A training so small that a test can run it many times, in this process or another."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from acnet.data.store import Places
from acnet.files import write_json, write_text
from acnet.jobs.job import TrainingJob
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.run import InitialWeights, Run

IMAGES = 6
TINY = Run(
    scale="mini",
    name="tiny",
    seed=0,
    dataset="mini_camvid",
    reader="camvid",
    classes=11,
    train_splits=["train"],
    evaluate_split="train",
    model=NetworkConfig(
        backbone="resnet18",
        base_width=8,
        reduction=8,
        blocks=1,
        reuse=1,
        local_channels=4,
        block_channels=[8, 8],
        dropout=0.5,
        auxiliary=True,
        auxiliary_channels=8,
    ),
    init=InitialWeights(kind="none", name="from scratch"),
    train=TrainingConfig(
        epochs=3,
        batch=2,
        crop=[32, 32],
        base_size=None,
        scale_range=[0.5, 2.0],
        flip=0.5,
        learning_rate=0.05,
        new_layers_factor=10.0,
        momentum=0.9,
        weight_decay=0.0001,
        decay_norm=True,
        decay_scalars=True,
        power=0.9,
        auxiliary_weight=0.4,
        ohem=False,
        ohem_threshold=0.7,
        ohem_keep=0.1,
        precision="float32",
        accumulate=1,
        compile=False,
        threads=1,
        save_minutes=5.0,
    ),
)
STEPS = TINY.train.epochs * IMAGES // TINY.train.batch


def tiny_run(**changes: Any) -> Run:
    """TINY with other values, named as in its parts or at the top."""
    return changed(TINY, **changes)


def changed(run: Run, **changes: Any) -> Run:
    """`run` with other values, named as in its parts or at the top."""
    parts = {part: {} for part in ("train", "model")}
    top = {}
    for name, value in changes.items():
        part = next((part for part in parts if hasattr(getattr(run, part), name)), None)
        (parts[part] if part else top)[name] = value
    replaced = {part: dataclasses.replace(getattr(run, part), **values) for part, values in parts.items()}
    return dataclasses.replace(run, **replaced, **top)


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
    write_split(data / TINY.dataset, "train", images, labels)


def write_split(folder: Path, split: str, images: list[np.ndarray], labels: list[np.ndarray]) -> None:
    """Write a prepared dataset with one split; what `folder` held of that split is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [label.shape for label in labels]
    places = Places(folder, split, True, sizes)
    for path in places.files:
        path.unlink(missing_ok=True)
    places.reserve()
    checksums = [places.place(i).write(*pair) for i, pair in enumerate(zip(images, labels, strict=True))]
    files = places.finish([f"street_{i}" for i in range(len(labels))], checksums)
    counts = {"expected": len(labels), "images": len(labels)}
    write_json(folder / "manifest.json", {"splits": {split: {**counts, "files": files}}})


def write_params(folder: Path, run: Run) -> Path:
    """params.yaml of a run, for a training in another process."""
    write_text(folder / "params.yaml", yaml.safe_dump(run.values()))
    return folder / "params.yaml"


def act_at_step(patch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Make `act` happen once, right after a numbered step of the training to come."""
    after_step, left = TrainingJob.after_step, [act]

    def acting(self, done, *facts):
        after_step(self, done, *facts)
        if done == number and left:
            left.pop()()

    patch.setattr(TrainingJob, "after_step", acting)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights in the checkpoint of a run's folder."""
    return torch.load(folder / "checkpoint.pt", weights_only=True)["network"]


def curve(folder: Path) -> list[str]:
    """The lines of a run's history.csv without the last column, its clock."""
    return [line.rpartition(",")[0] for line in (folder / "history.csv").read_text().splitlines()]
