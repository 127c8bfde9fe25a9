"""The confusion matrix of two label maps."""

import numpy as np

from acnet.data.classes import VOID


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each (true, predicted) pair: (classes, classes) int64, rows truth. Matrices add up.

    `truth` and `prediction` are uint8 maps of one shape; pixels whose truth is void (255) are dropped. Raises
    ValueError for maps of different shapes and for ids outside [0, classes).
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"label maps of different sizes: truth {truth.shape}, prediction {prediction.shape}")
    # One count over all pairs of bytes, void being one more row, needs no mask and no copy of the kept pixels.
    pairs = truth.astype(np.uint16).ravel()
    pairs <<= 8
    pairs |= prediction.ravel()
    counts = np.bincount(pairs, minlength=1 << 16).reshape(256, 256)
    if counts[:VOID, classes:].any() or counts[classes:VOID].any():
        raise ValueError(f"label maps hold ids outside 0..{classes - 1} that are not void ({VOID})")
    return counts[:classes, :classes].astype(np.int64)
