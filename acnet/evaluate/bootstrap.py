"""The bootstrap over images: how far a number could be off with other images of the same kind."""

import numpy as np

from acnet.params.measures import Measures

Interval = tuple[float, float]


def drawn(images: int, measures: Measures) -> np.ndarray:
    """How often each of `images` is drawn in each resample: (resamples, images) float64, the same at every call.

    Whatever is measured on the same images is thereby resampled alike, so that differences are paired.
    """
    generator = np.random.default_rng([measures.seed, images])
    return generator.multinomial(images, np.full(images, 1 / images), measures.resamples).astype(np.float64)


def interval(values: np.ndarray, level: float) -> Interval | None:
    """The confidence interval that holds the central share `level` of `values`.

    NaN is ignored; None where nothing else is there.
    """
    if np.isnan(values).all():
        return None
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
