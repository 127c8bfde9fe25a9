"""Where in a label map a pixel lies: how near to a label edge, and in a segment of which size."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_OUTSIDE = 254  # no class and not void, so that the border of the image is an edge where one is asked for


def near_edge(labels: np.ndarray, radius: int, *, border: bool = False) -> np.ndarray:
    """Which pixels of a label map (H, W) uint8 have another label within `radius` pixels: (H, W) bool.

    The distance is the larger one of the two axes'. With `border` everything outside the image counts as another
    label, as Boundary IoU has it.
    """
    how = {"mode": "constant", "constant_values": _OUTSIDE} if border else {"mode": "edge"}
    padded = np.pad(labels, radius, **how)
    return _windowed(padded, radius, np.maximum) != _windowed(padded, radius, np.minimum)


def rings(labels: np.ndarray, distances: Sequence[int]) -> np.ndarray:
    """The number of `distances`, which rise, that each pixel is farther than from a label edge: (H, W) uint8."""
    ring = np.zeros(labels.shape, np.uint8)
    for distance in distances:
        ring += ~near_edge(labels, distance)
    return ring


def segment_sizes(labels: np.ndarray) -> np.ndarray:
    """The number of pixels in each pixel's segment, the pixels of one label joined by their sides: (H, W) int64.

    Rows are cut into runs of one label first, so that the graph has few nodes.
    """
    height, width = labels.shape
    begins = np.ones((height, width), bool)
    np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
    first = np.flatnonzero(begins)
    run = (np.cumsum(begins.ravel()) - 1).reshape(height, width)
    # Two runs, one above the other, touch first where either begins.
    touch = (labels[1:] == labels[:-1]) & (begins[1:] | begins[:-1])
    above, below = run[:-1][touch], run[1:][touch]
    graph = coo_array((np.ones(len(above), bool), (above, below)), shape=(len(first), len(first)))
    _, segment = connected_components(graph, directed=False)
    length = np.diff(first, append=height * width)
    pixels = np.bincount(segment, weights=length).astype(np.int64)
    return np.repeat(pixels[segment], length).reshape(height, width)


def sizes(labels: np.ndarray, small: float, large: float) -> np.ndarray:
    """0, 1 or 2 for pixels of small, medium and large segments, as shares of the image: (H, W) uint8."""
    share = segment_sizes(labels) / labels.size
    return (share >= small).astype(np.uint8) + (share > large)


def _windowed(padded: np.ndarray, radius: int, extreme: np.ufunc) -> np.ndarray:
    """The `extreme` of every square window of side 2 `radius` + 1, in steps that double."""
    window = 2 * radius + 1
    for _ in range(2):  # rows, then, of the transposed, columns
        span = 1
        while 2 * span <= window:
            padded = extreme(padded[:-span], padded[span:])
            span *= 2
        rest = window - span
        padded = (extreme(padded[:-rest], padded[rest:]) if rest else padded).T
    return padded
