"""How a network is evaluated: scales, mirror, window and stride, as data."""

import dataclasses
from typing import Literal

from acnet.params.strict import limited


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """One resolved evaluation protocol; its fields are written into every metrics file.

    `base_size` is the short side in pixels to which an image is resized before `scales` apply (None: its own
    size); `window` is (height, width) of the sliding window (None: the whole image), moved by `stride` of its
    side; `batch` is the number of windows in one forward pass.
    """

    name: str
    scales: list[float] = limited(low=0.05, high=8)
    mirror: bool = False
    base_size: int | None = limited(None, low=1)
    window: list[int] | None = limited(None, low=1)
    stride: float = limited(1.0, low=0.05, high=1)
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    batch: int = limited(1, low=1)
