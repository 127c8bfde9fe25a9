"""Where the windows of sliding inference lie."""

import math


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
