"""How sure a number is: with other images of the same kind, by the bootstrap, and with other seeds.

Over seeds there are t intervals, p-values, Holm's procedure and the number of seeds needed; these arrays have their
seeds, or their claims, on the last axis. Five seeds that differ by 1.0, 1.4, 0.7, 1.2, 1.1 points have a mean of 1.08
and a 95 % interval of 0.76 to 1.40.
"""

import bisect
import re
from collections.abc import Sequence

import numpy as np
from scipy import stats

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import Interval, drawn, interval
from acnet.params.measures import Measures

MOST_SEEDS = 1000  # the largest result of `seeds_needed`


def image_weights(names: Sequence[str], blocks: str | None, measures: Measures) -> np.ndarray:
    """How often each of the images `names` is drawn in each resample: (resamples, images), the same at every call.

    Blocks are drawn first, then as many images as the drawn block has from that block. `blocks` is the dataset's
    pattern; without one every image is drawn by itself. AcnetError for a name that the pattern does not match.
    """
    if blocks is None:
        return drawn(len(names), measures)
    block = np.unique([_block(name, blocks) for name in names], return_inverse=True)[1]
    times = drawn(block.max() + 1, measures).astype(np.int64)
    generator = np.random.default_rng([measures.seed, len(names)])
    weights = np.empty((len(times), len(names)))
    for index in range(block.max() + 1):
        members = np.flatnonzero(block == index)
        share = np.full(len(members), 1 / len(members))
        weights[:, members] = generator.multinomial(times[:, index] * len(members), share)
    return weights


def hierarchical_interval(by_seed: np.ndarray, measures: Measures) -> Interval | None:
    """The confidence interval of the mean over seeds of `by_seed` (seeds, resamples of the images).

    Seeds are drawn with replacement in each resample; of one seed the interval is over images alone.
    """
    seeds, resamples = by_seed.shape
    generator = np.random.default_rng([measures.seed, seeds])
    share = generator.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    return interval((share.T * by_seed).sum(axis=0), measures.level)


def _block(name: str, pattern: str) -> str:
    match = re.search(pattern, name)
    if match is None or match[1] is None:
        raise AcnetError(
            f"image '{name}': `blocks` of its dataset in datasets.yaml, {pattern}, does not match its name"
        )
    return match[1]


def t_interval(values: np.ndarray, level: float) -> Interval:
    """The confidence interval of the mean of independent `values` (seeds,), at least two."""
    values = np.asarray(values, np.float64)
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def p_above(values: np.ndarray, than: float = 0.0) -> np.ndarray:
    """The one-sided p-values (...) of "the mean is above `than`" for `values` (..., seeds), at least two."""
    excess = np.asarray(values, np.float64) - than
    spread = excess.std(axis=-1, ddof=1) / np.sqrt(excess.shape[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(excess.mean(axis=-1) / spread)  # without any spread: certain, or 0 if there is no excess
    return stats.t.sf(t, excess.shape[-1] - 1)


def p_of_claim(above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The p-values (...) of "every step is above 0" and of "some step is below 0", from one-sided ones (..., steps).

    The first is an intersection-union test, which needs no correction; the second is Bonferroni's over the steps.
    """
    return above.max(axis=-1), np.minimum(1.0, below.shape[-1] * below.min(axis=-1))


def holm(p: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Holm's adjusted p-values of `p` (..., claims), and the level at which each claim is judged, both (..., claims).

    A claim is rejected at its level exactly if its adjusted p-value is at most `alpha`. Of 0.01, 0.04, 0.03 the
    adjusted values are 0.03, 0.06, 0.06 and, at 0.05, the levels 0.05 / 3, 0.05 / 2, 0.05 / 2.
    """
    order = np.argsort(p, axis=-1, kind="stable")
    left = np.arange(p.shape[-1], 0, -1)  # claims that are still to be judged
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.take_along_axis(p, order, -1) * left, axis=-1))
    rejected = (adjusted <= alpha).sum(axis=-1, keepdims=True)
    levels = alpha / np.maximum(left, np.maximum(1, p.shape[-1] - rejected))
    back = np.argsort(order, axis=-1)
    return np.take_along_axis(adjusted, back, -1), np.take_along_axis(levels, back, -1)


def seeds_needed(deviation: float, difference: float, level: float, power: float) -> int:
    """The number of seeds that detect a true `difference` with probability `power`; at most MOST_SEEDS.

    `deviation` is the standard deviation of the difference over seeds, `level` that of the two-sided t test. For
    0.7, 1.0, 0.05 and 0.8 it is 7.
    """

    def reached(seeds: int) -> float:
        size = abs(difference) * np.sqrt(seeds) / max(deviation, 1e-9)
        return np.nan_to_num(stats.nct.sf(stats.t.isf(level / 2, seeds - 1), seeds - 1, size), nan=1.0)

    return 2 + bisect.bisect_left(range(2, MOST_SEEDS), power, key=reached)
