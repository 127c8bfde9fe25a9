"""Where the windows of sliding inference lie, and how their scores become the image's, exactly and in little memory.

Upsampling each window's scores, laying them on the scaled image, averaging where windows overlap and resizing to the
image are linear, and each treats rows and columns apart. With the scores G of all windows side by side they are
together M_rows G M_columns^T, so that no map of the size of a scaled image is ever made.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor


def starts(length: int, window: int, stride: float) -> list[int]:
    """First pixels of the windows along one side of `length` pixels.

    The step is `stride` * `window` rounded to the nearest pixel (2/3 of 256 is 171); the last window lies flush
    with the border, so that windows overlap more rather than reach outside. A side shorter than the window has
    one window at 0, to be padded.
    """
    if length <= window:
        return [0]
    step = max(1, math.floor(stride * window + 0.5))
    count = math.ceil((length - window) / step) + 1
    return [min(i * step, length - window) for i in range(count)]


def corners(height: int, width: int, window: tuple[int, int], stride: float) -> list[tuple[int, int]]:
    """(top, left) of every window of (height, width) `window` over an image, row by row; they cover each pixel."""
    tops = starts(height, window[0], stride)
    lefts = starts(width, window[1], stride)
    return [(top, left) for top in tops for left in lefts]


class Block(NamedTuple):
    """Pixels [start, stop) are `matrix` (stop - start, last - first), float32, times the scores [first, last)."""

    start: int
    stop: int
    first: int
    last: int
    matrix: Tensor


@functools.lru_cache(maxsize=64)
def interpolation(
    length: int, scaled: int, window: int, stride: float, native: int, align_corners: bool, strip: int
) -> tuple[Block, ...]:
    """The matrix M of one side of an image of `length` pixels, in blocks of `strip` of its rows.

    The image was scaled to `scaled` pixels and cut into windows of `window` pixels, moved by `stride` of that, with
    `native` scores each. What a side shorter than the window was padded with is dropped.
    """
    first_pixels = starts(scaled, window, stride)
    cover = np.zeros(scaled)
    for first in first_pixels:
        cover[first : first + window] += 1
    within = np.arange(min(window, scaled))
    row = np.concatenate([first + within for first in first_pixels])
    offset = native * np.repeat(np.arange(len(first_pixels)), len(within))
    low, high, share = (
        np.tile(part[: len(within)], len(first_pixels)) for part in _neighbours(native, window, align_corners)
    )
    shape = (scaled, native * len(first_pixels))
    matrix = _weighted(row, low + offset, high + offset, share, shape, 1 / cover[row])
    if scaled != length:
        low, high, share = _neighbours(scaled, length, align_corners)
        matrix = _weighted(np.arange(length), low, high, share, (length, scaled)) @ matrix
    return tuple(_block(matrix, start, min(start + strip, length)) for start in range(0, length, strip))


def _neighbours(known: int, asked: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which two of `known` points lie beside each of `asked`, and the share of the second (F.interpolate's rule)."""
    index = np.arange(asked)
    if align_corners:
        at = index * ((known - 1) / (asked - 1) if asked > 1 else 0.0)
    else:
        at = np.maximum((index + 0.5) * (known / asked) - 0.5, 0)
    low = np.minimum(at.astype(np.int64), known - 1)
    return low, np.minimum(low + 1, known - 1), at - low


def _weighted(row, low, high, share, shape: tuple[int, int], factor=1.0) -> csr_array:
    values = np.concatenate([(1 - share) * factor, share * factor])
    return csr_array((values, (np.tile(row, 2), np.concatenate([low, high]))), shape)


def _block(matrix: csr_array, start: int, stop: int) -> Block:
    rows = matrix[start:stop]
    used = rows.indices[rows.data != 0]
    first, last = int(used.min()), int(used.max()) + 1
    return Block(start, stop, first, last, torch.from_numpy(rows[:, first:last].toarray().astype(np.float32)))
