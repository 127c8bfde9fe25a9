"""Images with the truth, what two networks make of them, and where these differ, side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from acnet.data.classes import VOID, load
from acnet.evaluate.predict import coloured
from acnet.evaluate.sheet import Panel, sheet
from acnet.evaluate.trained import open_trained
from acnet.files import replacing
from acnet.params.protocols import Protocol
from acnet.params.run import Run

_FIRST, _SECOND = (222, 110, 28), (31, 110, 190)  # orange and blue, which colour-blind eyes tell apart


def write_pictures(
    runs: Sequence[tuple[Run, Path, Protocol]], data_root: Path, indices: Sequence[int], out: Path
) -> list[Path]:
    """Write out/{rank}_{name}.png for the images `indices`: image, truth, both predictions, and where one is right.

    `runs` are two runs, each with its checkpoint and protocol; they share a dataset. Raises AcnetError as
    `evaluate_run`.
    """
    trained = [(open_trained(run, checkpoint, data_root), protocol) for run, checkpoint, protocol in runs]
    store, classes = trained[0][0].store, load(runs[0][0].reader)
    first, second = (run.name for run, *_ in runs)
    paths = []
    for rank, index in enumerate(indices, 1):
        image, truth = store.image(index), store.label(index)
        made = [network.label_map(index, protocol) for network, protocol in trained]
        panels: list[Panel] = [("image", Image.fromarray(image)), ("truth", _drawn(truth, classes))]
        panels.append(("where only one is right", differences(image, truth, *made)))
        panels += [
            (f"{name}: {100 * _right(prediction, truth):.1f} % of pixels right", _drawn(prediction, classes))
            for name, prediction in zip((first, second), made, strict=True)
        ]
        keys = [(f"only {second} is right", _SECOND), (f"only {first} is right", _FIRST)]
        paths.append(out / f"{rank:02d}_{store.names[index].replace('/', '_')}.png")
        with replacing(paths[-1]) as temporary:
            sheet(panels, classes, [truth, *made], columns=3, keys=keys).save(temporary, "PNG")
    return paths


def differences(image: np.ndarray, truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> Image.Image:
    """The image in pale grey, where only the first label map is right orange, where only the second is, blue."""
    grey = np.asarray(Image.fromarray(image).convert("L")) // 2 + 127
    made = np.repeat(grey[..., None], 3, axis=2)
    known = truth != VOID
    made[known & (first == truth) & (second != truth)] = _FIRST
    made[known & (second == truth) & (first != truth)] = _SECOND
    return Image.fromarray(made)


def _drawn(labels: np.ndarray, classes) -> Image.Image:
    """Class ids in the dataset's colours, void black."""
    return coloured(np.array(labels), classes).convert("RGB")


def _right(prediction: np.ndarray, truth: np.ndarray) -> float:
    known = truth != VOID
    return float((prediction == truth)[known].mean()) if known.any() else 0.0
