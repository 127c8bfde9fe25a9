"""Image and label files into arrays, whatever their mode, with the image as shown by viewers (EXIF orientation)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from acnet.errors import AcnetError

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises for a damaged file
Image.MAX_IMAGE_PIXELS = 10**9  # Pillow's own limit would refuse sound satellite images
_LOSSY = ("JPEG", "MPO", "JPEG2000", "WEBP", "AVIF")
_ORIENTATION = 0x0112  # the EXIF tag
_AS_SHOWN = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}


def read_image(path: Path) -> np.ndarray:
    """An image file as RGB uint8 (H, W, 3), as shown; arguments and errors as `read_stored`."""
    return as_shown(*read_stored(path))


def read_stored(path: Path) -> tuple[np.ndarray, int]:
    """An image file as RGB uint8 (H, W, 3), read-only, with the pixels as stored, and its EXIF orientation (1 to 8).

    Greyscale, palette, 16-bit and CMYK images are converted.
    Raises AcnetError naming the file if it is missing or cannot be decoded.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        if image.mode == "F":
            raise AcnetError(f"{path}: holds floating-point numbers of an unknown range; save it with 8 bits")
        if image.mode.startswith("I"):  # 16 bits: keep the upper 8
            grey = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2), orientation
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB")), orientation


def as_shown(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, ...) as stored, turned by an EXIF orientation."""
    return np.ascontiguousarray(_AS_SHOWN[orientation](pixels)) if orientation in _AS_SHOWN else pixels


def image_size(path: Path) -> tuple[int, int]:
    """(H, W) of an image file, as shown, by its header alone; AcnetError as `read_stored`."""
    with _opened(path) as image:
        return image.size if _orientation(image) >= 5 else (image.height, image.width)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except UnidentifiedImageError as error:
        remedy = "convert it to PNG or JPEG if other programs show it, else copy or download it again"
        raise AcnetError(f"{path}: cannot be read (no image of a kind that Pillow knows); {remedy}") from error
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> AcnetError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return AcnetError(f"{path}: cannot be read ({reason}); copy or download it again")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation of an opened image, 1 where it has none or no valid one."""
    # Pillow turns a TIFF itself. Of a PNG without EXIF before its pixels it would decode them all to look behind them.
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    with contextlib.suppress(Exception):  # damaged EXIF data, of which Pillow raises many kinds; the pixels are sound
        orientation = image.getexif().get(_ORIENTATION)
        return orientation if orientation in _AS_SHOWN else 1
    return 1


def read_ids(path: Path, remedy: str) -> np.ndarray:
    """A PNG label as an array of ids (H, W): its grey values, or the indices into a palette of colours.

    What a PNG optimiser or an editor makes of greys without loss gives the same ids: a palette of greys, or equal
    channels. Raises AcnetError naming the file if it is missing, cannot be decoded, is coded lossily or by colour
    (`remedy` then says which file is wanted), or does not tell indices or grey values from ids.
    """
    with _opened(path) as image:
        if image.format != "PNG":
            how = "coded lossily, which changes ids at every edge" if image.format in _LOSSY else "no PNG"
            raise AcnetError(f"{path}: this label is {how} ({image.format} inside, whatever its suffix); {remedy}")
        coding = image.tile[0][3]  # of the samples in the file, such as L;4
        ids = np.asarray(image)
        if image.mode == "P":
            return _ids_by_palette(path, image, ids)
    if image.mode in ("LA", "RGB", "RGBA") and coding == image.mode:
        colours = ids[:, :, : 1 if image.mode == "LA" else 3]
        if (colours == colours[:, :, :1]).all():
            return colours[:, :, 0]
    if image.mode not in ("1", "L", "I", "I;16"):
        raise AcnetError(f"{path}: a label needs one channel of ids, this one has mode {image.mode}; {remedy}")
    if coding in ("1", "L;2", "L;4") and ids.any():  # optimisers scale a grey to 8 bits, other writers do not
        raise AcnetError(f"{path}: greys of fewer than 8 bits, which may be ids or not; save the ids as 8-bit greys")
    return ids.astype(np.uint8) if image.mode == "1" else ids


def _ids_by_palette(path: Path, image: Image.Image, indices: np.ndarray) -> np.ndarray:
    palette = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    if (palette == palette[:, :1]).all():
        greys = np.arange(256, dtype=np.uint8)
        greys[: len(palette)] = palette[:, 0]
        return greys[indices]
    if len(image.getcolors()) == len(palette):
        raise AcnetError(
            f"{path}: its palette holds the colours it shows and no other, as PNG optimisers leave it, so that its "
            "indices may not be the ids; copy the dataset's own label, or save the ids as 8-bit greys"
        )
    return indices


def read_mat(path: Path, key: str) -> np.ndarray:
    """The integer matrix `key` (H, W) of a MATLAB file; AcnetError naming the file if it is not there."""
    import scipy.io  # a third of a decoding process's memory, and few datasets need it

    try:
        ids = scipy.io.loadmat(path, variable_names=[key]).get(key)
    except Exception as error:  # scipy raises many kinds for a damaged file
        raise _unreadable(path, error) from error
    if ids is None or ids.ndim != 2 or ids.dtype.kind not in "iuf" or (ids != np.trunc(ids)).any():
        raise AcnetError(f"{path}: has no matrix '{key}' of whole numbers; copy the dataset's own file again")
    return ids.astype(np.int64) if ids.dtype.kind == "f" else ids
