"""The confusion matrix of two label maps."""

import numpy as np

from acnet.data.classes import VOID

CHUNK = 1 << 16  # pixels counted at once: their codes, 8 bytes each in bincount, stay in the processor's cache


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each (true, predicted) pair: (classes, classes) int64, rows truth. Matrices add up.

    `truth` and `prediction` are uint8 maps of one shape; pixels whose truth is void (255) are dropped. Raises
    ValueError for maps of different shapes and for ids outside [0, classes).
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"label maps of different sizes: truth {truth.shape}, prediction {prediction.shape}")
    truth, prediction = truth.ravel(), prediction.ravel()
    counts = np.zeros((classes + 1) * 256, np.int64)
    for first in range(0, truth.size, CHUNK):
        part = slice(first, first + CHUNK)
        # Void + 1 wraps to 0, so that void is the first row, and no mask or copy of the kept pixels is needed.
        pairs = (truth[part] + np.uint8(1)).astype(np.uint16)
        pairs <<= 8
        pairs |= prediction[part]
        found = np.bincount(pairs, minlength=counts.size)
        if found.size > counts.size:
            raise outside(classes)
        counts += found
    counts = counts.reshape(classes + 1, 256)[1:]
    if counts[:, classes:].any():
        raise outside(classes)
    return counts[:, :classes].copy()


def outside(classes: int) -> ValueError:
    """What is raised for an id that is no class."""
    return ValueError(f"label maps hold ids outside 0..{classes - 1} that are not void ({VOID})")
