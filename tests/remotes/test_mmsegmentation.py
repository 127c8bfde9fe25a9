"""Our measures and mmsegmentation's own, which is no part of the environment: the tests install it beside it."""

import numpy as np
import pytest

from tests.areas import equals_areas, random_maps


@pytest.mark.parametrize("classes", [19, 171])
def test_every_measure_equals_mmsegmentations(classes, mmsegmentation):
    from mmseg.evaluation.metrics import IoUMetric

    counted = [mmsegmentation.intersect_and_union(truth, guess, classes) for truth, guess in random_maps(classes)]
    areas = [sum(part).double() for part in zip(*counted, strict=True)]
    ours = equals_areas(classes, *areas)
    theirs = IoUMetric.total_area_to_metrics(*areas, metrics=["mIoU"])
    for key, value in (("aAcc", ours["pixacc"]), ("IoU", ours["miou"]), ("Acc", ours["mean_accuracy"])):
        assert np.nanmean(theirs[key]) == pytest.approx(value, abs=1e-9)
