import numpy as np
import pytest

from acnet.data.classes import VOID
from acnet.evaluate.confusion import confusion


@pytest.mark.parametrize("classes", [2, 11, 19, 59, 150, 171, 255])
def test_counts_equal_an_obvious_loop(classes):
    rng = np.random.default_rng(classes)
    expected = np.zeros((classes, classes), np.int64)
    total = np.zeros((classes, classes), np.int64)
    for height, width in [(1, 1), (13, 40), (40, 3)]:
        truth = rng.integers(0, classes, (height, width)).astype(np.uint8)
        truth[rng.random(truth.shape) < 0.2] = VOID
        prediction = rng.integers(0, classes, (height, width)).astype(np.uint8)
        total += confusion(truth, prediction, classes)
        for t, p in zip(truth.flat, prediction.flat, strict=True):
            if t != VOID:
                expected[t, p] += 1
    assert (total == expected).all()


def test_an_image_of_void_counts_nothing():
    void = np.full((4, 5), VOID, np.uint8)
    assert not confusion(void, np.zeros((4, 5), np.uint8), 3).any()


def test_memory_mapped_and_strided_maps_are_counted_and_left_alone():
    truth = np.arange(24, dtype=np.uint8).reshape(4, 6)[:, ::2] % 3
    truth.setflags(write=False)
    before = truth.copy()
    assert confusion(truth, truth, 3).sum() == np.trace(confusion(truth, truth, 3)) == 12
    assert (truth == before).all()


@pytest.mark.parametrize(("truth", "prediction"), [(3, 0), (0, 3), (254, 0), (VOID - 1, 0), (0, 255)])
def test_ids_out_of_range_are_refused(truth, prediction):
    with pytest.raises(ValueError, match=r"outside 0\.\.2"):
        confusion(np.full((2, 2), truth, np.uint8), np.full((2, 2), prediction, np.uint8), 3)


def test_maps_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="different sizes"):
        confusion(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), 3)
