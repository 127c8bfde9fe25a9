"""Our measures and mmsegmentation's own, which is no part of the environment: the tests install it beside it."""

import math

import numpy as np
import pytest

from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import summary


def random_maps(classes):
    """Four images: predictions miss the last class, and both miss the one before it; labels hold ignored pixels."""
    rng = np.random.default_rng(classes)
    for _ in range(4):
        label = rng.choice([*range(classes - 2), classes - 1, 255], (90, 120)).astype(np.uint8)
        guess = rng.integers(0, classes - 2, (90, 120)).astype(np.uint8)
        yield label, np.where((rng.random(label.shape) < 0.5) & (label < classes - 2), label, guess).astype(np.uint8)


def equals_areas(classes, intersect, union, _, labelled):
    """Our metrics of `random_maps` are those of the areas that another tool sums, float64."""
    total = sum(confusion(label, guess, classes) for label, guess in random_maps(classes))
    ours = summary(total, [str(i) for i in range(classes)], "camvid")
    iou, accuracy = (intersect / union).numpy(), (intersect / labelled).numpy()
    found = [math.nan if value is None else value for value in ours["class_iou"].values()]
    np.testing.assert_allclose(found, iou, atol=1e-9, rtol=0, equal_nan=True)
    assert math.isnan(iou[-2]) and iou[-1] == 0
    assert ours["miou"] == pytest.approx(np.nanmean(iou), abs=1e-9)
    assert ours["pixacc"] == pytest.approx(float(intersect.sum() / labelled.sum()), abs=1e-9)
    assert ours["mean_accuracy"] == pytest.approx(np.nanmean(accuracy), abs=1e-9)
    return ours


@pytest.mark.parametrize("classes", [19, 171])
def test_every_measure_equals_mmsegmentations(classes, mmsegmentation):
    from mmseg.evaluation.metrics import IoUMetric

    counted = [mmsegmentation.intersect_and_union(truth, guess, classes) for truth, guess in random_maps(classes)]
    areas = [sum(part).double() for part in zip(*counted, strict=True)]
    ours = equals_areas(classes, *areas)
    theirs = IoUMetric.total_area_to_metrics(*areas, metrics=["mIoU"])
    for key, value in (("aAcc", ours["pixacc"]), ("IoU", ours["miou"]), ("Acc", ours["mean_accuracy"])):
        assert np.nanmean(theirs[key]) == pytest.approx(value, abs=1e-9)
