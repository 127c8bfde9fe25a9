"""The example images that evaluation wrote for the figures."""

import dataclasses
import zipfile
from pathlib import Path

import numpy as np

from acnet.errors import AcnetError


@dataclasses.dataclass(frozen=True)
class Example:
    """One image (H, W, 3), its label and prediction (H, W), all uint8, and the gates (h, w) float32, coarsest first."""

    name: str
    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray
    gates: tuple[np.ndarray, ...]


def read_examples(path: str | Path) -> list[Example]:
    """All examples in an examples.npz; AcnetError if the file is broken."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
        return [_example(arrays, index, str(name)) for index, name in enumerate(arrays["names"])]
    except (KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise AcnetError(f"{path}: not a whole examples file ({error}); write it again") from error


def _example(arrays: dict[str, np.ndarray], index: int, name: str) -> Example:
    gates = []
    while f"gate_{index}_{len(gates)}" in arrays:
        gates.append(arrays[f"gate_{index}_{len(gates)}"])
    image, label, prediction = (arrays[f"{key}_{index}"] for key in ("image", "label", "prediction"))
    return Example(name, image, label, prediction, tuple(gates))
