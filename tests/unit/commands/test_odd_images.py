"""Evaluation of odd images and odd networks by the command itself: the right result, or one clear line."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from acnet.evaluate.counts import read_counts
from tests.tiny import write_split

RUN = "results/mini/acb1/seed0"
EVALUATE = f"evaluate --params {RUN}/params.yaml --protocol"


@pytest.fixture
def split(here):
    """A function from labels to the prepared evaluation split of the run, of images that fit them."""

    def make(*labels: np.ndarray) -> None:
        rng = np.random.default_rng(0)
        images = [rng.integers(0, 256, (*label.shape, 3)).astype(np.uint8) for label in labels]
        write_split(here / "data/mini_cityscapes", "val", images, list(labels))

    return make


@pytest.fixture
def classifier(here):
    """A function that alters the trained classifier's weights (classes, C) and bias (classes)."""

    def alter(change) -> None:
        content = torch.load(here / RUN / "checkpoint.pt", weights_only=True)
        tensors = content["network"]
        weight, bias = (tensors[f"classifier.1.{kind}"] for kind in ("weight", "bias"))
        tensors["classifier.1.weight"], tensors["classifier.1.bias"] = change(weight, bias)
        torch.save(content, here / RUN / "checkpoint.pt")
        (here / RUN / "provenance.json").unlink(missing_ok=True)  # which says what the training left

    return alter


def metrics(here, protocol="single"):
    return json.loads((here / RUN / f"metrics/{protocol}.json").read_text())


@pytest.mark.parametrize("protocol", ["single", "multi_flip", "multi_flip_whole"])
def test_one_pixel_is_right_or_wrong(here, acnet, split, classifier, protocol):
    split(np.full((1, 1), 7, np.uint8))
    for winner, expected in ((7, 1.0), (8, 0.0)):
        classifier(lambda w, b, winner=winner: (w * 0, torch.arange(len(b)) == winner))
        assert acnet(f"{EVALUATE} {protocol}").status == 0
        found = metrics(here, protocol)
        assert (found["images"], found["pixels"], found["pixacc"], found["miou"]) == (1, 1, expected, expected)
        assert found["classes_counted"] == 2 - expected


def test_a_class_that_is_absent_everywhere_is_ignore(here, acnet, split, classifier):
    split(np.arange(18, dtype=np.uint8).repeat(20).reshape(18, 20))
    classifier(lambda w, b: (w, torch.where(torch.arange(len(b)) == 18, -1e6, b)))
    assert acnet(f"{EVALUATE} single").status == 0
    found = metrics(here)
    names = list(found["class_iou"])
    assert found["class_iou"][names[18]] is None and found["class_boundary_iou"][names[18]] is None
    assert found["classes_counted"] == 18
    assert found["miou_absent_zero"] == pytest.approx(found["miou"] * 18 / 19)
    counts = read_counts(here / RUN / "metrics/single.images.npz").confusion()
    assert not counts[18].any() and not counts[:, 18].any()


def test_labels_of_void_only(refused, split):
    split(np.full((9, 7), 255, np.uint8))
    assert refused(f"{EVALUATE} single") == ("acnet: data/mini_cityscapes: split 'val' has no labelled pixel to score")


def test_a_network_of_another_number_of_classes(refused, classifier):
    classifier(lambda w, b: (torch.cat([w, w[:1]]), torch.cat([b, b[:1]])))
    line = refused(f"{EVALUATE} single")
    assert "classifier.1.weight has shape (20, " in line and "expected (19, " in line


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("protocol", ["single", "multi_flip"])
def test_scores_that_are_not_finite(refused, classifier, value, protocol):
    classifier(lambda w, b: (w, torch.full_like(b, value)))
    line = refused(f"{EVALUATE} {protocol}")
    assert line.startswith(f"acnet: {RUN}/checkpoint.pt: image ")
    assert line.endswith(": the network's scores are not finite; train it again with a smaller learning_rate")


def test_several_protocols_decode_no_image(acnet, here, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("prepared images are mapped, not decoded"))
    assert acnet(f"{EVALUATE} single --protocol multi_flip").status == 0


def test_a_run_is_named_for_a_prediction_by_itself_or_by_its_file(here, acnet, refused):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (30, 50, 3)).astype(np.uint8)).save(here / "photo.png")
    assert acnet("predict --run acb1 photo.png --out by_run").status == 0
    assert acnet("predict --run acb1 photo.png").status == 0
    assert acnet(f"predict --params {RUN}/params.yaml photo.png --out by_file").status == 0
    made = {path.name: path.read_bytes() for path in (here / "by_run").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (here / "by_file").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (here / "data/shown/mini_acb1_seed0").iterdir()}
    assert {"photo.labels.png", "photo.overlay.png", "photo.confidence.png", "photo.gate1.png"} <= set(made)
    assert "did you mean 'acb1'?" in refused("predict --run abc1 photo.png --out out")
    assert "results/mini/acb2/seed0 has no checkpoint.pt" in refused("predict --run acb2 photo.png --out out")
