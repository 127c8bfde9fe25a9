"""The measures of a confusion matrix."""

from collections.abc import Sequence
from math import fsum
from typing import Any

import numpy as np


def summary(confusion: np.ndarray, names: Sequence[str], reader: str) -> dict[str, Any]:
    """Every measure of a (K, K) confusion matrix of the classes `names`, as fractions; plain values for JSON.

    A class that is neither in the truth nor predicted has no IoU (None) and is left out of `miou`;
    `miou_absent_zero` counts it as 0. A class not in the truth is left out of `mean_accuracy`. With no labelled
    pixel at all every mean is None. Raises ValueError if the matrix is not of K x K.
    """
    if confusion.shape != (len(names), len(names)):
        raise ValueError(f"a confusion matrix of {confusion.shape} for {len(names)} classes")
    # Whole numbers of Python: sums are exact and each fraction is rounded once.
    hits = [int(n) for n in confusion.diagonal()]
    truth = [int(n) for n in confusion.sum(axis=1)]
    predicted = [int(n) for n in confusion.sum(axis=0)]
    pixels = sum(truth)
    iou = [_fraction(h, t + p - h) for h, t, p in zip(hits, truth, predicted, strict=True)]
    counted = [value for value in iou if value is not None]
    absent_zero = fsum(counted) / len(names) if pixels else None
    result = {
        "pixels": pixels,
        "classes": len(names),
        "classes_counted": len(counted),
        "miou": _mean(counted),
        "miou_absent_zero": absent_zero,
        "pixacc": _fraction(sum(hits), pixels),
        "mean_accuracy": _mean([h / t for h, t in zip(hits, truth, strict=True) if t]),
        "fwiou": fsum(t * v for t, v in zip(truth, iou, strict=True) if v is not None) / pixels if pixels else None,
        "class_iou": dict(zip(names, iou, strict=True)),
        "constant_miou": _constant(truth),
        "confusion": confusion.tolist(),
    }
    if reader == "ade20k" and pixels:
        # The official tool averages over all 150 classes, absent ones as 0.
        result["final_score"] = (absent_zero + result["pixacc"]) / 2
    if reader == "pascal_context" and pixels:
        # EncNet's rule for the paper's 60 classes: the untrained background counts with IoU 0.
        result["miou60"] = result["miou"] * 59 / 60
    if reader == "pascal_context60" and pixels:
        result["miou60"] = result["miou"]
    return result


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: list[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _constant(truth: list[int]) -> float | None:
    """mIoU of predicting the most frequent class everywhere: its share of pixels, 0 for the other true classes."""
    present = sum(1 for n in truth if n)
    return max(truth) / sum(truth) / present if present else None
