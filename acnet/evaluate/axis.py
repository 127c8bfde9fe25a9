"""One side of the way from the windows' scores to the image's own pixels, as a matrix.

Enlarging each window's scores, laying them on the scaled image, averaging where windows overlap and resizing to the
image are linear, and each treats rows and columns apart. With the scores G of all windows side by side they are
together M_rows G M_columns^T, so that no map of the size of a scaled image is ever made.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from acnet.evaluate.windows import starts


class Block(NamedTuple):
    """Pixels [start, stop) are `matrix` (stop - start, last - first), float32, times the scores [first, last)."""

    start: int
    stop: int
    first: int
    last: int
    matrix: Tensor


@functools.lru_cache(maxsize=64)
def side(
    length: int, scaled: int, window: int, stride: float, native: int, align_corners: bool, strip: int
) -> tuple[Block, ...]:
    """The matrix of one side of an image of `length` pixels, in blocks of `strip` of its rows.

    The image was scaled to `scaled` pixels and cut into windows of `window` pixels, moved by `stride` of that, with
    `native` scores each. What a side shorter than the window was padded with is dropped.
    """
    places = starts(scaled, window, stride)
    cover = np.zeros(scaled)
    for place in places:
        cover[place : place + window] += 1
    within = np.arange(min(window, scaled))
    row = np.concatenate([place + within for place in places])
    offset = native * np.repeat(np.arange(len(places)), len(within))
    low, high, share = (np.tile(part[: len(within)], len(places)) for part in _between(native, window, align_corners))
    matrix = _weighted(row, low + offset, high + offset, share, (scaled, native * len(places)), 1 / cover[row])
    if scaled != length:
        low, high, share = _between(scaled, length, align_corners)
        matrix = _weighted(np.arange(length), low, high, share, (length, scaled)) @ matrix
    return tuple(_block(matrix, start, min(start + strip, length)) for start in range(0, length, strip))


def _between(known: int, asked: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which two of `known` points lie beside each of `asked`, and the share of the second (F.interpolate's rule)."""
    index = np.arange(asked)
    if align_corners:
        place = index * ((known - 1) / (asked - 1) if asked > 1 else 0.0)
    else:
        place = np.maximum((index + 0.5) * (known / asked) - 0.5, 0)
    low = np.minimum(place.astype(np.int64), known - 1)
    return low, np.minimum(low + 1, known - 1), place - low


def _weighted(row, low, high, share, shape: tuple[int, int], factor=1.0) -> csr_array:
    values = np.concatenate([(1 - share) * factor, share * factor])
    return csr_array((values, (np.tile(row, 2), np.concatenate([low, high]))), shape)


def _block(matrix: csr_array, start: int, stop: int) -> Block:
    rows = matrix[start:stop]
    used = rows.indices[rows.data != 0]
    first, last = int(used.min()), int(used.max()) + 1
    return Block(start, stop, first, last, torch.from_numpy(rows[:, first:last].toarray().astype(np.float32)))
