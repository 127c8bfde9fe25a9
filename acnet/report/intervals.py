"""What the bootstrap over images gives: areas and metrics of each resampled set."""

import dataclasses

import numpy as np

from acnet.evaluate.bootstrap import drawn
from acnet.evaluate.counts import Counts
from acnet.params.measures import Measures


@dataclasses.dataclass(frozen=True)
class Samples:
    """A metric in percent, once for each resampled set of the `images` (names); NaN where it has no value."""

    images: tuple[str, ...]
    values: np.ndarray


def resampled(counts: Counts, measures: Measures, **part) -> np.ndarray:
    """The areas (see acnet.evaluate.metrics) of each resampled set: (3, resamples, K) float64, whole numbers.

    `part` is a band or a size as in `Counts.confusion`.
    """
    return drawn(len(counts.names), measures) @ counts.by_image(**part).astype(np.float64)
