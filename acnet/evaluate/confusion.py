"""The confusion matrix of two label maps."""

import math
from collections.abc import Sequence

import numpy as np

from acnet.data.classes import VOID

CHUNK = 1 << 16  # pixels counted at once: what is made of them stays in the processor's cache
_FEW = 12  # where values change at fewer than one pixel in so many, runs are counted rather than pixels


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each (true, predicted) pair: (classes, classes) int64, rows truth. Matrices add up.

    `truth` and `prediction` are uint8 maps of one shape; pixels whose truth is void (255) are dropped. Raises
    ValueError for maps of different shapes and for ids outside [0, classes).
    """
    row = rows(truth, prediction, classes)
    return tally((row, prediction), (classes + 1, classes)).reshape(classes + 1, classes)[1:]


def rows(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """`truth` + 1 with void as 0, so that nothing needs to be masked; ValueError for maps that cannot be compared."""
    if truth.shape != prediction.shape:
        raise ValueError(f"label maps of different sizes: truth {truth.shape}, prediction {prediction.shape}")
    row = truth + np.uint8(1)  # void, 255, wraps
    if row.max() > classes or prediction.max() >= classes:
        raise ValueError(f"label maps hold ids outside 0..{classes - 1} that are not void ({VOID})")
    return row


def tally(maps: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """How often each combination of values occurs in uint8 `maps` of one shape, with values below `sizes`.

    int64 of the product of `sizes`, the last map's value fastest. Label maps are even: mostly it is enough to look at
    the last pixel of each run and to count the lengths of the runs.
    """
    flat = [np.ascontiguousarray(one).ravel() for one in maps]
    total, codes, lengths = np.zeros(math.prod(sizes), np.int64), [], []
    step = max(CHUNK, total.size)
    for first in range(0, flat[0].size, step):
        parts = [one[first : first + step] for one in flat]
        changes = _changes(parts)
        if np.count_nonzero(changes) * _FEW < len(changes):
            ends = _places(changes)
            codes.append(_codes([part[ends] for part in parts], sizes))
            lengths.append(np.diff(ends, prepend=-1))
        else:
            total += np.bincount(_codes(parts, sizes), minlength=total.size)
    if codes:
        runs = np.bincount(np.concatenate(codes), np.concatenate(lengths), minlength=total.size)
        total += runs.astype(np.int64)
    return total


def _changes(parts: list[np.ndarray]) -> np.ndarray:
    """Where a run ends: whether the next pixel has another value in any of `parts`; so at the last pixel."""
    changes = np.ones(len(parts[0]), bool)
    inner = changes[:-1]
    np.not_equal(parts[0][1:], parts[0][:-1], out=inner)
    for part in parts[1:]:
        inner |= part[1:] != part[:-1]
    return changes


def _places(flags: np.ndarray) -> np.ndarray:
    """np.flatnonzero of a bool array with few True, by eights."""
    whole = len(flags) // 8 * 8
    eights = np.flatnonzero(flags[:whole].view(np.uint64) != 0)
    within = np.flatnonzero(flags[:whole].reshape(-1, 8)[eights])
    return np.concatenate([eights[within >> 3] * 8 + (within & 7), whole + np.flatnonzero(flags[whole:])])


def _codes(parts: list[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    kind = np.uint16 if math.prod(sizes) <= 1 << 16 else np.uint32
    code = parts[0].astype(kind)
    for part, size in zip(parts[1:], sizes[1:], strict=True):
        code *= kind(size)
        code += part
    return code
