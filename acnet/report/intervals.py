"""The tables' metrics for each resampled set of images."""

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
    """Right, true and predicted pixels of each class in each resampled set: (3, resamples, K) float64, whole numbers.

    `part` is a band or a size as in `Counts.confusion`.
    """
    return drawn(len(counts.names), measures) @ counts.by_image(**part).astype(np.float64)


def ious(sums: np.ndarray) -> np.ndarray:
    """IoU of each class, NaN for one that is neither true nor predicted: (3, S, K) -> (S, K)."""
    right, truth, predicted = sums
    union = truth + predicted - right
    return np.divide(right, union, out=np.full(union.shape, np.nan), where=union > 0)


def mean_iou(iou: np.ndarray) -> np.ndarray:
    """The mean over classes that have an IoU: (S, K) -> (S,), NaN where none has."""
    counted = (~np.isnan(iou)).sum(axis=1)
    return np.divide(np.nansum(iou, axis=1), counted, out=np.full(len(iou), np.nan), where=counted > 0)


def metric_of(
    sums: np.ndarray, iou: np.ndarray, metric: str, class_index: int | None, reader: str, absent: str = "left_out"
) -> np.ndarray | None:
    """A table's metric as a fraction for each resampled set, (S,); None for one that the counts do not give.

    `absent` is the protocol's rule for classes that have no IoU.
    """
    if metric == "class_iou":
        return iou[:, class_index]
    pixacc = sums[0].sum(axis=1) / np.maximum(sums[1].sum(axis=1), 1)
    counted = iou.shape[1] if absent == "zero" else np.maximum((~np.isnan(iou)).sum(axis=1), 1)
    total = np.nansum(iou, axis=1)
    return {
        "miou": total / counted,
        "pixacc": pixacc,
        "final_score": (total / iou.shape[1] + pixacc) / 2,
        "miou60": total / counted * (59 / 60 if reader == "pascal_context" else 1),
    }.get(metric)
