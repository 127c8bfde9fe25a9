"""What the pixels of each image were taken for: the numbers behind every metric, kept sparsely."""

import dataclasses
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from acnet.data.classes import VOID
from acnet.errors import AcnetError
from acnet.evaluate.confusion import rows, tally
from acnet.evaluate.regions import near_edge, rings, sizes
from acnet.files import replacing
from acnet.params.measures import Measures

SIZES = ("small", "medium", "large")


@dataclasses.dataclass(frozen=True)
class ImageCounts:
    """One image: `pixels` of each of the `codes` ((ring * 3 + size) * K + truth) * K + prediction, both uint32.

    `contour` (3, K) uint32 counts, by class, the pixels near a contour: in both maps, in the truth, in the prediction.
    """

    codes: np.ndarray
    pixels: np.ndarray
    contour: np.ndarray


def count(truth: np.ndarray, prediction: np.ndarray, classes: int, measures: Measures) -> ImageCounts:
    """Compare two label maps (H, W) uint8, void (255) of the truth left out; ValueError for ids that are no class."""
    row = rows(truth, prediction, classes)
    region = rings(truth, measures.bands)
    region *= len(SIZES)
    region += sizes(truth, measures.small, measures.large)
    shape = ((len(measures.bands) + 1) * len(SIZES), classes + 1, classes)
    found = tally((region, row, prediction), shape).reshape(shape)[:, 1:].ravel()
    codes = np.flatnonzero(found)
    contour = _contours(truth, np.where(row == 0, VOID, prediction), classes, measures.contour)
    return ImageCounts(codes.astype(np.uint32), found[codes].astype(np.uint32), contour)


def _contours(truth: np.ndarray, prediction: np.ndarray, classes: int, share: float) -> np.ndarray:
    """Boundary IoU's counts: a class's contour is what lies in it within a distance of what does not (Cheng et al.)."""
    radius = max(1, round(share * float(np.hypot(*truth.shape))))
    near_truth, near_prediction = near_edge(truth, radius, border=True), near_edge(prediction, radius, border=True)
    both = near_truth & near_prediction & (truth == prediction)
    parts = ((truth, both), (truth, near_truth), (prediction, near_prediction))
    # Whatever lies elsewhere counts as void.
    return np.array([tally([np.where(near, labels, VOID)], [256])[:classes] for labels, near in parts], np.uint32)


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
        """Right, true and predicted pixels of each class in each image: (3, N, K) int64; regions as in `confusion`."""
        keep, images = self._kept(band, size), len(self.names)
        image = np.repeat(np.arange(images), np.diff(self.starts))[keep]
        truth, predicted = np.divmod(self.codes[keep].astype(np.int64) % self.classes**2, self.classes)
        pixels = self.pixels[keep]
        right = truth == predicted
        table = [
            np.bincount(image[part] * self.classes + of[part], weights=pixels[part], minlength=images * self.classes)
            for part, of in ((right, truth), (slice(None), truth), (slice(None), predicted))
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


def write_counts(path: Path, counts: Counts) -> None:
    """Write `counts` as .npz; equal counts are equal bytes."""
    with replacing(path) as temporary, open(temporary, "wb") as handle:
        np.savez_compressed(handle, **{key: np.asarray(value) for key, value in vars(counts).items()})


def read_counts(path: Path) -> Counts:
    """The counts in an .images.npz; AcnetError if the file is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as data:
            found = {field.name: data[field.name] for field in dataclasses.fields(Counts)}
        plain = {key: found.pop(key).tolist() for key in ("names", "classes", "bands")}
        return Counts(**plain, **found)
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: not there; evaluate this run again") from error
    except (KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise AcnetError(f"{path}: not a whole file of counts ({error}); evaluate this run again") from error
