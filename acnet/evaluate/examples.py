"""Images with truth, prediction and gates, for the figures."""

import itertools
from pathlib import Path

import numpy as np

from acnet.data.classes import VOID
from acnet.data.store import Store
from acnet.evaluate.trained import open_trained
from acnet.files import replacing
from acnet.params.protocols import Protocol
from acnet.params.run import Run


def write_examples(run: Run, checkpoint: Path, protocol: Protocol, data_root: Path, out_file: Path, count: int) -> None:
    """Write `count` examples of the run's evaluation split to the .npz `out_file`: equal results, equal bytes.

    Keys: names; for each example i image_{i} (H, W, 3), truth_{i} and prediction_{i} (H, W), all uint8, and
    gate_{i}_{j} (h, w) float32 of the j-th global context module. Predictions are by `protocol`, gates of the
    whole image. Raises AcnetError as `evaluate_run` does.
    """
    trained = open_trained(run, checkpoint, data_root)
    chosen = choose(trained.store, count)
    arrays = {"names": np.array([trained.store.names[index] for index in chosen])}
    for i, index in enumerate(chosen):
        arrays[f"image_{i}"] = trained.store.image(index)
        arrays[f"truth_{i}"] = trained.store.label(index)
        arrays[f"prediction_{i}"] = trained.label_map(index, protocol)
        for j, gate in enumerate(trained.gates(index, protocol)):
            arrays[f"gate_{i}_{j}"] = gate
    with replacing(out_file) as temporary, open(temporary, "wb") as handle:
        np.savez_compressed(handle, **arrays)


def choose(store: Store, count: int) -> list[int]:
    """Indices of `count` images (all, if there are fewer): the one with most classes in each equal stretch."""
    count = min(count, len(store))
    edges = [len(store) * i // count for i in range(count + 1)] if count else []
    return [
        max(range(first, end), key=lambda index: _classes(store.label(index)))
        for first, end in itertools.pairwise(edges)
    ]


def _classes(label: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(label.ravel(), minlength=256)[:VOID]))
