"""Images with the label, what two networks make of them, and where these differ, side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from acnet.data.classes import IGNORE, class_table
from acnet.data.palette import coloured, legend, sheet
from acnet.data.store import Store
from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import areas_of, metrics_of
from acnet.evaluate.trained_network import load_predictor
from acnet.files import replacing
from acnet.params.protocols import Protocol
from acnet.params.run import Run

FIRST, SECOND = (222, 110, 28), (31, 110, 190)  # orange and blue, which colour-blind eyes tell apart


def write_comparisons(
    runs: Sequence[tuple[Run, Path, Protocol]], data_root: Path, indices: Sequence[int], out: Path
) -> list[Path]:
    """Write out/{rank}_{name}.png for the images `indices`: image, label, both predictions, and where one is right.

    `runs` are two runs, each with its checkpoint and protocol; they share a dataset. Raises AcnetError as
    `evaluate_run`.
    """
    (run, _, _), (other, _, _) = runs
    store, classes = Store(data_root / run.dataset, run.evaluate_split), class_table(run)
    predictors = [(load_predictor(run, checkpoint), protocol) for run, checkpoint, protocol in runs]
    keys = [(f"only {other.name} is right", SECOND), (f"only {run.name} is right", FIRST)]
    paths = []
    for rank, index in enumerate(indices, 1):
        image, label, name = store.image(index), store.label(index), store.names[index]
        made = [predictor.label_map(image, protocol, name) for predictor, protocol in predictors]
        panels = [
            ("image", Image.fromarray(image)),
            ("ground truth", coloured(label, classes)),
            ("where only one is right", differences(image, label, *made)),
        ]
        for one, prediction in zip((run, other), made, strict=True):
            right = metrics_of(areas_of(confusion(label, prediction, run.classes)))["pixacc"]
            panels.append((f"{one.name}: {100 * right:.1f} % of pixels right", coloured(prediction, classes)))
        paths.append(out / f"{rank:02d}_{name.replace('/', '_')}.png")
        with replacing(paths[-1]) as temporary:
            sheet(panels, [keys, list(legend(classes, label, *made).values())]).save(temporary, "PNG")
    return paths


def differences(image: np.ndarray, label: np.ndarray, first: np.ndarray, second: np.ndarray) -> Image.Image:
    """The image in pale grey, where only the first label map is right orange, where only the second is, blue."""
    grey = np.asarray(Image.fromarray(image).convert("L")) // 2 + 127
    made = np.repeat(grey[..., None], 3, axis=2)
    known = label != IGNORE
    made[known & (first == label) & (second != label)] = FIRST
    made[known & (second == label) & (first != label)] = SECOND
    return Image.fromarray(made)
