import numpy as np
import pytest
import torch
import torch.nn.functional as F

from acnet.evaluate.axis import side
from acnet.evaluate.windows import starts


def dense(blocks):
    """The whole matrix, float64."""
    matrix = np.zeros((blocks[-1].stop, max(block.last for block in blocks)))
    for block in blocks:
        matrix[block.start : block.stop, block.first : block.last] = block.matrix
    return matrix


def slow(scores, length, scaled, window, stride, align_corners):
    """Every window's `scores` (windows, native) enlarged, added where it lies, divided by its cover and resized."""
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
def test_the_matrix_enlarges_places_averages_and_resizes(length, scaled, window, stride, native, align_corners):
    scores = torch.randn(len(starts(scaled, window, stride)), native, dtype=torch.float64)
    blocks = side(length, scaled, window, stride, native, align_corners, 64)
    assert [(b.start, b.stop) for b in blocks] == [(first, min(first + 64, length)) for first in range(0, length, 64)]
    matrix = dense(blocks)
    found = matrix @ scores.flatten().numpy()[: matrix.shape[1]]
    np.testing.assert_allclose(found, slow(scores, length, scaled, window, stride, align_corners), atol=1e-6)


def test_a_block_holds_only_the_scores_near_it():
    blocks = side(20000, 20000, 256, 2 / 3, 64, True, 64)
    assert max(block.matrix.shape[1] for block in blocks) <= 4 * 64
    assert sum(block.matrix.numel() for block in blocks) < 20000 * 4 * 64
