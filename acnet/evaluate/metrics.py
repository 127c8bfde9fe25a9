"""The measures of a confusion matrix."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any, Literal

import numpy as np

from acnet.evaluate.counts import SIZES, Counts

# The dataset's own grouping of its evaluated classes.
CITYSCAPES_CATEGORIES = {
    "flat": ("road", "sidewalk"),
    "construction": ("building", "wall", "fence"),
    "object": ("pole", "traffic light", "traffic sign"),
    "nature": ("vegetation", "terrain"),
    "sky": ("sky",),
    "human": ("person", "rider"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle"),
}


def summary(
    confusion: np.ndarray, names: Sequence[str], reader: str, absent: Literal["left_out", "zero"] = "left_out"
) -> dict[str, Any]:
    """Every measure of a (K, K) confusion matrix of the classes `names`, as fractions; plain values for JSON.

    A class that is neither in the truth nor predicted has no IoU (None) and is left out of `miou`, or counts there as
    `absent` says; `miou_absent_zero` always counts it as 0. A class not in the truth is left out of `mean_accuracy`.
    With no labelled pixel at all every mean is None. Raises ValueError if the matrix is not of K x K.
    """
    if confusion.shape != (len(names), len(names)):
        raise ValueError(f"a confusion matrix of {confusion.shape} for {len(names)} classes")
    hits = [int(n) for n in confusion.diagonal()]
    truth = [int(n) for n in confusion.sum(axis=1)]
    pixels = sum(truth)
    iou = _ious(confusion)
    counted = [value for value in iou if value is not None]
    absent_zero = fsum(counted) / len(names) if pixels else None
    result = {
        "pixels": pixels,
        "classes": len(names),
        "classes_counted": len(counted),
        "miou": absent_zero if absent == "zero" else _mean(counted),
        "miou_absent_zero": absent_zero,
        "pixacc": _fraction(sum(hits), pixels),
        "mean_accuracy": _mean([h / t for h, t in zip(hits, truth, strict=True) if t]),
        "fwiou": fsum(t * v for t, v in zip(truth, iou, strict=True) if v is not None) / pixels if pixels else None,
        "class_iou": dict(zip(names, iou, strict=True)),
        "class_pixels": dict(zip(names, truth, strict=True)),
        "constant_miou": _constant(truth),
    }
    if reader == "ade20k" and pixels:
        # The official tool averages over all 150 classes, absent ones as 0.
        result["final_score"] = (absent_zero + result["pixacc"]) / 2
        result["final_score_left_out"] = (_mean(counted) + result["pixacc"]) / 2
    if reader == "pascal_context" and pixels:
        # EncNet's rule for the paper's 60 classes: the untrained background counts with IoU 0.
        result["miou60"] = result["miou"] * 59 / 60
    if reader == "pascal_context60" and pixels:
        result["miou60"] = result["miou"]
    if reader == "cityscapes":
        merged = _merged(confusion, names, CITYSCAPES_CATEGORIES)
        result["category_iou"] = dict(zip(CITYSCAPES_CATEGORIES, _ious(merged), strict=True))
        result["category_miou"] = _mean([value for value in result["category_iou"].values() if value is not None])
    return result


def detail(counts: Counts, names: Sequence[str]) -> dict[str, Any]:
    """Measures of parts of the set: near label edges, by size of the true segment, and Boundary IoU.

    `near_edges` has an entry for each band in pixels, `segments` for each size; both hold the measures of the pixels
    that lie there. `boundary_iou` is that of Cheng et al. (2021), its pixels summed over the set.
    """
    both, truth, predicted = (list(map(int, row)) for row in counts.contours.sum(axis=0, dtype=np.int64))
    contour = [_fraction(b, t + p - b) for b, t, p in zip(both, truth, predicted, strict=True)]
    return {
        "near_edges": {str(band): _part(counts.confusion(band=band)) for band in counts.bands},
        "segments": {size: _part(counts.confusion(size=size)) for size in SIZES},
        "boundary_iou": _mean([value for value in contour if value is not None]),
        "class_boundary_iou": dict(zip(names, contour, strict=True)),
    }


def _part(confusion: np.ndarray) -> dict[str, Any]:
    pixels, right = int(confusion.sum()), int(confusion.trace())
    counted = [value for value in _ious(confusion) if value is not None]
    return {"pixels": pixels, "miou": _mean(counted), "pixacc": _fraction(right, pixels)}


def _ious(confusion: np.ndarray) -> list[float | None]:
    """IoU of each class of a confusion matrix, with whole numbers of Python: each fraction is rounded once."""
    hits, truth, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return [_fraction(int(h), int(t + p - h)) for h, t, p in zip(hits, truth, predicted, strict=True)]


def _merged(confusion: np.ndarray, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> np.ndarray:
    """The confusion matrix of groups of classes."""
    member = np.array([[name in group for name in names] for group in groups.values()], np.int64)
    return member @ confusion @ member.T


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: list[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _constant(truth: list[int]) -> float | None:
    """mIoU of predicting the most frequent class everywhere: its share of pixels, 0 for the other true classes."""
    present = sum(1 for n in truth if n)
    return max(truth) / sum(truth) / present if present else None
