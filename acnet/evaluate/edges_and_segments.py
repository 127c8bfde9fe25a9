"""Where in a label map a pixel lies: how near to a label edge, and in a segment of which size."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

_OUTSIDE = 254  # no class and not ignored, so that the border of the image is an edge where one is asked for


def near_edge(labels: np.ndarray, radius: int, *, border: bool = False) -> np.ndarray:
    """Which pixels of a label map (H, W) uint8 have another label within `radius` pixels: (H, W) bool.

    The distance is the larger one of the two axes'. With `border` everything outside the image counts as another
    label, as Boundary IoU has it.
    """
    how = {"mode": "constant", "constant_values": _OUTSIDE} if border else {"mode": "edge"}
    padded = np.pad(labels, radius, **how)
    return _windowed(padded, radius, np.maximum) != _windowed(padded, radius, np.minimum)


def _windowed(padded: np.ndarray, radius: int, extreme: np.ufunc) -> np.ndarray:
    """The `extreme` of every square window of side 2 `radius` + 1, in steps that double.

    ndimage's maximum_filter takes 20 times as long.
    """
    window = 2 * radius + 1
    for _ in range(2):  # rows, then, of the transposed, columns
        span = 1
        while 2 * span <= window:
            padded = extreme(padded[:-span], padded[span:])
            span *= 2
        rest = window - span
        padded = (extreme(padded[:-rest], padded[rest:]) if rest else padded).T
    return padded


def edge_distances(labels: np.ndarray, distances: Sequence[int]) -> np.ndarray:
    """How many of the rising `distances` each pixel is beyond from a label edge: (H, W) uint8.

    With distances 1 and 3, a pixel 1 away gives 0, one 2 away gives 1, one 4 away gives 2.
    """
    return sum((~near_edge(labels, distance)).astype(np.uint8) for distance in distances)


def segment_sizes(labels: np.ndarray, small: float, large: float) -> np.ndarray:
    """0, 1 or 2 for pixels of small, medium and large segments, as shares of the image: (H, W) uint8."""
    share = segment_areas(labels) / labels.size
    return (share >= small).astype(np.uint8) + (share > large)


def segment_areas(labels: np.ndarray) -> np.ndarray:
    """The number of pixels in each pixel's segment, the pixels of one label joined by their sides: (H, W) int64."""
    height, width = labels.shape
    # Pixels, with a bridge between neighbours of one label: one call labels the segments of all classes.
    joined = np.zeros((2 * height - 1, 2 * width - 1), bool)
    joined[::2, ::2] = True
    joined[::2, 1::2] = labels[:, 1:] == labels[:, :-1]
    joined[1::2, ::2] = labels[1:] == labels[:-1]
    segment = ndimage.label(joined)[0][::2, ::2]
    return np.bincount(segment.ravel())[segment]
