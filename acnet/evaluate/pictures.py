"""Images with the truth and what two networks make of them, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acnet.data.classes import load
from acnet.evaluate.predict import coloured
from acnet.evaluate.trained import open_trained
from acnet.files import replacing
from acnet.params.protocols import Protocol

_GAP = 4  # pixels of white between the parts


def write_pictures(
    runs: Sequence[tuple[Mapping[str, Any], Path, Protocol]], data_root: Path, indices: Sequence[int], out: Path
) -> list[Path]:
    """Write out/{rank}_{name}.png for the images `indices`: image, truth, and each run's prediction, left to right.

    `runs` are resolved parameters, checkpoint and protocol; they share a dataset. Raises AcnetError as `evaluate_run`.
    """
    trained = [(open_trained(params, checkpoint, data_root), protocol) for params, checkpoint, protocol in runs]
    store, classes = trained[0][0].store, load(runs[0][0]["reader"])
    paths = []
    for rank, index in enumerate(indices, 1):
        maps = [store.label(index), *(network.label_map(index, protocol) for network, protocol in trained)]
        parts = [store.image(index), *(np.asarray(coloured(np.array(one), classes).convert("RGB")) for one in maps)]
        gap = np.full((parts[0].shape[0], _GAP, 3), 255, np.uint8)
        row = [piece for part in parts for piece in (part, gap)][:-1]
        paths.append(out / f"{rank:02d}_{store.names[index].replace('/', '_')}.png")
        with replacing(paths[-1]) as temporary:
            Image.fromarray(np.concatenate(row, axis=1)).save(temporary, "PNG")
    return paths
