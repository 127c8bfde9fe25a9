import numpy as np
import pytest

from acnet.evaluate.windows import corners, starts


@pytest.mark.parametrize(
    ("length", "window", "stride", "expected"),
    [
        (2048, 768, 2 / 3, [0, 512, 1024, 1280]),
        (1024, 768, 2 / 3, [0, 256]),
        (768, 768, 2 / 3, [0]),
        (512, 768, 2 / 3, [0]),
        (769, 768, 2 / 3, [0, 1]),
        (600, 256, 2 / 3, [0, 171, 342, 344]),
        (513, 256, 1 / 2, [0, 128, 256, 257]),
        (3, 1, 0.05, [0, 1, 2]),
        (10, 4, 1.0, [0, 4, 6]),
    ],
)
def test_step_is_rounded_and_the_last_window_is_flush(length, window, stride, expected):
    assert starts(length, window, stride) == expected


def test_every_pixel_is_covered_and_no_window_leaves_the_image():
    for height, width in [(1, 1), (20, 300), (31, 17), (64, 128)]:
        for window in [(16, 16), (17, 40), (64, 128)]:
            for stride in (1 / 3, 1 / 2, 2 / 3, 1.0):
                count = np.zeros((height, width), int)
                for top, left in corners(height, width, window, stride):
                    assert top == 0 or top + window[0] <= height
                    assert left == 0 or left + window[1] <= width
                    count[top : top + window[0], left : left + window[1]] += 1
                assert count.min() >= 1
