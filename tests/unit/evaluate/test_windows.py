import numpy as np
import pytest
import torch
import torch.nn.functional as F

from acnet.evaluate.windows import corners, interpolation, starts


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


def dense(blocks):
    """The whole matrix, float64."""
    matrix = np.zeros((blocks[-1].stop, max(block.last for block in blocks)))
    for block in blocks:
        matrix[block.start : block.stop, block.first : block.last] = block.matrix
    return matrix


def slow(scores, length, scaled, window, stride, align_corners):
    """Every window's `scores` (windows, native) upsampled, added where it lies, divided by its cover and resized."""
    total, cover = torch.zeros(scaled, dtype=torch.float64), torch.zeros(scaled)
    how = {"mode": "linear", "align_corners": align_corners}
    for start, values in zip(starts(scaled, window, stride), scores, strict=True):
        part = F.interpolate(values[None, None], window, **how)[0, 0, : scaled - start]
        total[start : start + window] += part
        cover[start : start + window] += 1
    return F.interpolate((total / cover)[None, None], length, **how)[0, 0].numpy()


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(
    ("length", "scaled", "window", "stride", "native"),
    [(150, 75, 24, 2 / 3, 6), (150, 338, 96, 0.5, 6), (64, 64, 64, 1.0, 4), (7, 3, 32, 2 / 3, 2), (1, 1, 1, 1.0, 1)],
)
def test_the_matrix_upsamples_places_averages_and_resizes(length, scaled, window, stride, native, align_corners):
    scores = torch.randn(len(starts(scaled, window, stride)), native, dtype=torch.float64)
    blocks = interpolation(length, scaled, window, stride, native, align_corners, 64)
    assert [(b.start, b.stop) for b in blocks] == [(first, min(first + 64, length)) for first in range(0, length, 64)]
    matrix = dense(blocks)
    found = matrix @ scores.flatten().numpy()[: matrix.shape[1]]
    np.testing.assert_allclose(found, slow(scores, length, scaled, window, stride, align_corners), atol=1e-6)


def test_a_block_holds_only_the_scores_near_it():
    blocks = interpolation(20000, 20000, 256, 2 / 3, 64, True, 64)
    assert max(block.matrix.shape[1] for block in blocks) <= 4 * 64
    assert sum(block.matrix.numel() for block in blocks) < 20000 * 4 * 64
