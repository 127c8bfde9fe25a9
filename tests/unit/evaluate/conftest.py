"""A small network, images and a tiny run for the tests of evaluation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from acnet.model import build_network
from tests.tiny import tiny_run, write_split


class Small(nn.Module):
    """Two convolutions and the mean feature added, so that scores depend on the window as ACNet's do."""

    def __init__(self, classes: int):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.classifier = nn.Conv2d(8, classes, 1)

    def forward(self, images, native=False):
        features = torch.relu(self.second(torch.relu(self.first(images))))
        features = features + 2 * features.mean((2, 3), keepdim=True)
        logits = self.classifier(features)
        if not native:
            logits = F.interpolate(logits, images.shape[-2:], mode="bilinear", align_corners=True)
        return {"logits": 3 * logits, "gates": [features.mean(1, keepdim=True)]}


@pytest.fixture
def small():
    """A function from a number of classes to a fixed small network in eval mode."""

    def make(classes: int) -> nn.Module:
        torch.manual_seed(classes)
        return Small(classes).eval()

    return make


@pytest.fixture
def photograph():
    """A function from a size to a fixed image (H, W, 3) uint8 with structure at several sizes."""

    def make(height: int, width: int) -> np.ndarray:
        rng = np.random.default_rng(height * 1000 + width)
        coarse = rng.integers(0, 200, (-(-height // 7), -(-width // 7), 3))
        coarse = coarse.repeat(7, 0).repeat(7, 1)[:height, :width]
        return (coarse + rng.integers(0, 56, (height, width, 3))).astype(np.uint8)

    return make


@pytest.fixture
def run(tmp_path, photograph):
    """A tiny run on prepared images: `config`, `data` and `checkpoint`; `prepare` and `save` make them anew."""

    class Run:
        data = tmp_path / "data"
        checkpoint = tmp_path / "checkpoint.pt"
        out = tmp_path / "metrics"
        config = tiny_run(name="acb3", evaluate_split="val", blocks=3, dropout=0.1, auxiliary=False)

        def network(self) -> nn.Module:
            torch.manual_seed(0)
            return build_network(self.config.model, self.config.classes).eval()

        def save(self, network: nn.Module) -> None:
            described = {**self.config.values()["model"], "classes": self.config.classes}
            torch.save({"network": network.state_dict(), "params": described}, self.checkpoint)

        def prepare(self, labels: list[np.ndarray]) -> None:
            images = [photograph(*label.shape) for label in labels]
            write_split(self.data / self.config.dataset, "val", images, labels)

        def labels(self) -> list[np.ndarray]:
            """Labels of several sizes, class 3 in none of them, one of ignored only."""
            rng = np.random.default_rng(0)
            known = np.array([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 255], np.uint8)
            sizes = [(40, 56), (1, 1), (20, 300), (33, 47), (24, 24)]
            return [rng.choice(known[: 11 - i], size) for i, size in enumerate(sizes)] + [
                np.full((16, 30), 255, np.uint8)
            ]

    made = Run()
    made.prepare(made.labels())
    made.save(made.network())
    return made
