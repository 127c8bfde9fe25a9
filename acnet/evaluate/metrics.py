"""The metrics of semantic segmentation, of one set of images or of many resampled sets at once.

They are computed from areas (3, ..., K): the correct, labelled and predicted pixels of each of K classes, of any number
of sets. Fractions; NaN where a metric has no value.
"""

from collections.abc import Sequence
from typing import Any

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


def areas_of(confusion: np.ndarray) -> np.ndarray:
    """The areas (3, ..., K) of confusion matrices (..., K, K), rows labels."""
    return np.stack([np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2)])


def class_iou(areas: np.ndarray) -> np.ndarray:
    """IoU of each class: (..., K), NaN for a class that is neither labelled nor predicted."""
    correct, labelled, predicted = areas
    return _ratio(correct, labelled + predicted - correct)


def mean_over_classes(values: np.ndarray, absent: str = "ignore") -> np.ndarray:
    """(..., K) to (...): the mean without NaN, or, with `absent` "zero", with NaN as 0; NaN where all are NaN."""
    known = ~np.isnan(values)
    count = known.any(axis=-1) * values.shape[-1] if absent == "zero" else known.sum(axis=-1)
    return _ratio(np.nansum(values, axis=-1), count)


def metrics_of(areas: np.ndarray, reader: str = "", absent: str = "ignore") -> dict[str, np.ndarray]:
    """Every metric of all classes together by its name, each (...); some are those of one dataset (`reader`) only.

    `absent` says how classes without an IoU count in `miou`; `miou_absent_zero` counts them as 0. A class without a
    label is excluded from `mean_accuracy`. `constant_miou` is that of predicting the most frequent class everywhere.
    """
    correct, labelled, _ = areas
    pixels = labelled.sum(axis=-1)
    iou = class_iou(areas)
    found = {
        "miou": mean_over_classes(iou, absent),
        "miou_absent_zero": mean_over_classes(iou, "zero"),
        "pixacc": _ratio(correct.sum(axis=-1), pixels),
        "mean_accuracy": mean_over_classes(_ratio(correct, labelled)),
        "fwiou": _ratio(np.nansum(labelled * iou, axis=-1), pixels),
        "constant_miou": _ratio(_ratio(labelled.max(axis=-1), pixels), (labelled > 0).sum(axis=-1)),
    }
    if reader == "ade20k":
        # The official tool averages over all 150 classes, absent ones as 0.
        found["final_score"] = (found["miou_absent_zero"] + found["pixacc"]) / 2
        found["final_score_ignore"] = (mean_over_classes(iou) + found["pixacc"]) / 2
    if reader in ("pascal_context", "pascal_context60"):
        # EncNet's rule for the paper's 60 classes: the untrained background counts with IoU 0.
        found["miou60"] = found["miou"] * (59 / 60 if reader == "pascal_context" else 1)
    return found


def summary(confusion: np.ndarray, names: Sequence[str], reader: str, absent: str = "ignore") -> dict[str, Any]:
    """Every metric of a (K, K) confusion matrix of the classes `names`; plain values for JSON, None for NaN."""
    areas = areas_of(confusion)
    iou, labelled = class_iou(areas), areas[1]
    result = {
        "pixels": int(labelled.sum()),
        "classes": len(names),
        "classes_counted": int((~np.isnan(iou)).sum()),
        **{name: _plain(value) for name, value in metrics_of(areas, reader, absent).items()},
        "class_iou": _by_name(names, iou),
        "class_pixels": dict(zip(names, labelled.tolist(), strict=True)),
    }
    if reader == "cityscapes":
        member = np.array([[name in group for name in names] for group in CITYSCAPES_CATEGORIES.values()], np.int64)
        category_iou = class_iou(areas_of(member @ confusion @ member.T))
        result["category_iou"] = _by_name(CITYSCAPES_CATEGORIES, category_iou)
        result["category_miou"] = _plain(mean_over_classes(category_iou))
    return result


def detail(counts: Counts, names: Sequence[str]) -> dict[str, Any]:
    """Metrics of parts of the set: near label edges, by size of the labelled segment, and Boundary IoU.

    `near_edges` has an entry for each band in pixels, `segments` for each size; both hold the metrics of the pixels
    that lie there. `boundary_iou` is that of Cheng et al. (2021), its pixels summed over the set.
    """
    boundary = class_iou(counts.contours.sum(axis=0, dtype=np.int64))
    return {
        "near_edges": {str(band): _part(counts.confusion(band=band)) for band in counts.bands},
        "segments": {size: _part(counts.confusion(size=size)) for size in SIZES},
        "boundary_iou": _plain(mean_over_classes(boundary)),
        "class_boundary_iou": _by_name(names, boundary),
    }


def _part(confusion: np.ndarray) -> dict[str, Any]:
    found = metrics_of(areas_of(confusion))
    return {"pixels": int(confusion.sum()), "miou": _plain(found["miou"]), "pixacc": _plain(found["pixacc"])}


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _plain(value: np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)


def _by_name(names: Sequence[str], values: np.ndarray) -> dict[str, float | None]:
    return dict(zip(names, map(_plain, values), strict=True))
