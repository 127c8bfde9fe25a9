"""Image and label files into arrays, whatever their mode."""

from pathlib import Path

import numpy as np
from PIL import Image

from acnet.errors import AcnetError

_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_ID_MODES = ("L", "P", "I", "I;16", "I;16B", "I;16L")


def read_image(path: Path) -> np.ndarray:
    """An image file as RGB uint8 (H, W, 3), read-only: greyscale, palette, 16-bit and CMYK ones are converted.

    Raises AcnetError naming the file if it is missing or cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):  # 16 bits: keep the upper 8
                grey = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except _UNREADABLE as error:
        raise _broken(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """(H, W) of an image file by its header alone; AcnetError as `read_image`."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except _UNREADABLE as error:
        raise _broken(path, error) from error


def read_ids(path: Path, remedy: str) -> np.ndarray:
    """A label file of one channel as an array of ids (H, W).

    Raises AcnetError naming the file if it is missing, cannot be decoded, or is coded by colour (`remedy`
    then says which file is wanted).
    """
    try:
        with Image.open(path) as image:
            if image.mode not in _ID_MODES:
                raise AcnetError(f"{path}: a label needs one channel of ids, this one has mode {image.mode}; {remedy}")
            return np.asarray(image)
    except _UNREADABLE as error:
        raise _broken(path, error) from error


def read_mat(path: Path, key: str) -> np.ndarray:
    """The integer matrix `key` (H, W) of a MATLAB file; AcnetError naming the file if it is not there."""
    import scipy.io  # a third of a decoding process's memory, and few datasets need it

    try:
        content = scipy.io.loadmat(path, variable_names=[key])
    except Exception as error:  # scipy raises many kinds for a damaged file
        raise _broken(path, error) from error
    value = content.get(key)
    if value is None or value.ndim != 2:
        raise AcnetError(f"{path}: has no matrix '{key}'; copy the dataset's own file again")
    if value.dtype.kind not in "iu":
        if value.dtype.kind != "f" or not np.array_equal(value, np.trunc(value)):
            raise AcnetError(
                f"{path}: '{key}' holds {value.dtype}, not whole numbers; copy the dataset's own file again"
            )
        value = value.astype(np.int64)
    return value


def _broken(path: Path, error: Exception) -> AcnetError:
    if isinstance(error, FileNotFoundError):
        return AcnetError(f"{path}: not there; copy the dataset again")
    reason = " ".join(str(error).split()) or type(error).__name__
    return AcnetError(f"{path}: cannot be read ({reason}); copy or download it again")
