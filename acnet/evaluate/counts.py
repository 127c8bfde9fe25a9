"""Confusion counts of each image, kept sparsely: the numbers behind every metric."""

import dataclasses
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from acnet.data.classes import IGNORE
from acnet.errors import AcnetError
from acnet.evaluate.edges_and_segments import edge_distances, near_edge, segment_sizes
from acnet.files import replacing
from acnet.params.measures import Measures

SIZES = ("small", "medium", "large")


def confusion(label: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each (label, prediction) pair: (classes, classes) int64, rows labels. Matrices add up.

    `label` and `prediction` are uint8 maps of one shape; pixels with the label 255 are ignored. Raises ValueError for
    maps of different shapes and for ids outside [0, classes).
    """
    pairs = _pairs(label, prediction, classes)
    return np.bincount(pairs.ravel(), minlength=(classes + 1) * classes).reshape(classes + 1, classes)[1:]


def _pairs(label: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """(label + 1) * classes + prediction, uint16; an ignored label, 255, thereby becomes row 0, which counts drop."""
    if label.shape != prediction.shape:
        raise ValueError(f"label maps of different sizes: label {label.shape}, prediction {prediction.shape}")
    row = label + np.uint8(1)
    if row.max() > classes or prediction.max() >= classes:
        raise ValueError(f"label maps hold ids outside 0..{classes - 1} that are not ignored ({IGNORE})")
    return row.astype(np.uint16) * np.uint16(classes) + prediction


@dataclasses.dataclass(frozen=True)
class ImageCounts:
    """One image: `pixels` of each of the `codes` ((ring * 3 + size) * K + label) * K + prediction, both uint32.

    `contour` (3, K) uint32 counts, by class, the pixels near a contour: in both maps, in the label, in the prediction.
    With K = 2, code 5 means ring 0, a medium segment, label 0, prediction 1.
    """

    codes: np.ndarray
    pixels: np.ndarray
    contour: np.ndarray


def count(label: np.ndarray, prediction: np.ndarray, classes: int, measures: Measures) -> ImageCounts:
    """Compare two label maps (H, W) uint8, ignoring 255 in `label`; ValueError as in `confusion`."""
    shape = ((len(measures.bands) + 1) * len(SIZES), classes + 1, classes)
    region = edge_distances(label, measures.bands) * np.uint8(len(SIZES))
    region += segment_sizes(label, measures.small, measures.large)
    code = region * np.intp((classes + 1) * classes) + _pairs(label, prediction, classes)
    found = np.bincount(code.ravel(), minlength=np.prod(shape)).reshape(shape)[:, 1:].ravel()
    codes = np.flatnonzero(found)
    contour = _contours(label, np.where(label == IGNORE, label, prediction), classes, measures.contour)
    return ImageCounts(codes.astype(np.uint32), found[codes].astype(np.uint32), contour)


def _contours(label: np.ndarray, prediction: np.ndarray, classes: int, share: float) -> np.ndarray:
    """Boundary IoU's counts: a class's contour is what lies in it within a distance of what does not (Cheng et al.)."""
    radius = max(1, round(share * float(np.hypot(*label.shape))))
    near_label, near_prediction = (near_edge(one, radius, border=True) for one in (label, prediction))
    both = near_label & near_prediction & (label == prediction)
    parts = (label[both], label[near_label], prediction[near_prediction])
    return np.array([np.bincount(part, minlength=256)[:classes] for part in parts], np.uint32)


@dataclasses.dataclass(frozen=True)
class Counts:
    """All images of a split, one behind the other as in `ImageCounts`; `contours` (N, 3, K).

    `codes` and `pixels` of image i lie in [starts[i], starts[i + 1]).
    """

    names: list[str]
    classes: int
    bands: list[int]
    starts: np.ndarray
    codes: np.ndarray
    pixels: np.ndarray
    contours: np.ndarray

    @classmethod
    def join(cls, names: Sequence[str], classes: int, bands: Sequence[int], images: Iterable[ImageCounts]) -> "Counts":
        """The counts of `images`, in the order of `names`."""
        images = list(images)
        return cls(
            names=list(names),
            classes=classes,
            bands=list(bands),
            starts=np.cumsum([0, *(len(image.codes) for image in images)]),
            codes=np.concatenate([image.codes for image in images]),
            pixels=np.concatenate([image.pixels for image in images]),
            contours=np.stack([image.contour for image in images]),
        )

    def confusion(self, *, band: int | None = None, size: str | None = None) -> np.ndarray:
        """The confusion matrix (K, K) int64 of the set, of the pixels within a `band` or in segments of one `size`."""
        keep = self._kept(band, size)
        pairs = self.codes[keep] % self.classes**2
        total = np.bincount(pairs, weights=self.pixels[keep], minlength=self.classes**2)
        return total.astype(np.int64).reshape(self.classes, self.classes)

    def by_image(self, *, band: int | None = None, size: str | None = None) -> np.ndarray:
        """The areas (see acnet.evaluate.metrics) of each image: (3, N, K) int64; regions as in `confusion`."""
        keep, images = self._kept(band, size), len(self.names)
        image = np.repeat(np.arange(images), np.diff(self.starts))[keep]
        label, predicted = np.divmod(self.codes[keep].astype(np.int64) % self.classes**2, self.classes)
        pixels = self.pixels[keep]
        right = label == predicted
        table = [
            np.bincount(image[part] * self.classes + of[part], weights=pixels[part], minlength=images * self.classes)
            for part, of in ((right, label), (slice(None), label), (slice(None), predicted))
        ]
        return np.array(table).astype(np.int64).reshape(3, images, self.classes)

    def _kept(self, band: int | None, size: str | None) -> np.ndarray | slice:
        region = self.codes // self.classes**2
        if band is not None:
            return region // len(SIZES) <= self.bands.index(band)
        return slice(None) if size is None else region % len(SIZES) == SIZES.index(size)


def counts_file(metrics_file: Path) -> Path:
    """The counts beside a metrics file."""
    return metrics_file.with_suffix(".images.npz")


def write_arrays(path: Path, arrays: Mapping[str, object]) -> None:
    """Write `arrays` as .npz, whole or not at all; equal arrays are equal bytes."""
    with replacing(path) as temporary, open(temporary, "wb") as handle:
        np.savez_compressed(handle, **arrays)


def write_counts(path: Path, counts: Counts) -> None:
    """Write `counts` as .npz."""
    write_arrays(path, vars(counts))


def read_counts(path: Path) -> Counts:
    """The counts in an .images.npz; AcnetError if the file is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as data:
            found = {field.name: data[field.name] for field in dataclasses.fields(Counts)}
        plain = {key: found.pop(key).tolist() for key in ("names", "classes", "bands")}
        return Counts(**plain, **found)
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: not found; evaluate this run again") from error
    except (KeyError, ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise AcnetError(f"{path}: truncated or corrupt ({error}); evaluate this run again") from error
