"""The hierarchical bootstrap: seeds, blocks of images that are not independent, images."""

import re
from collections.abc import Sequence

import numpy as np

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import Interval, drawn, interval
from acnet.params.measures import Measures


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
    if match is None:
        raise AcnetError(
            f"image '{name}': `blocks` of its dataset in datasets.yaml, {pattern}, does not match its name"
        )
    return match[1]
