"""Images with label, prediction and gates, for the figures."""

import itertools
from pathlib import Path

import numpy as np

from acnet.data.classes import IGNORE
from acnet.data.store import Store
from acnet.evaluate.counts import write_arrays
from acnet.evaluate.trained_network import load_predictor
from acnet.params.protocols import Protocol
from acnet.params.run import Run


def write_examples(run: Run, checkpoint: Path, protocol: Protocol, data_root: Path, out_file: Path, count: int) -> None:
    """Write `count` examples of the run's evaluation split to the .npz `out_file`: equal results, equal bytes.

    Keys: names; for each example i image_{i} (H, W, 3), label_{i} and prediction_{i} (H, W), all uint8, and
    gate_{i}_{j} (h, w) float32 of the j-th global context module. Predictions are by `protocol`, gates of the
    whole image. Raises AcnetError as `evaluate_run` does.
    """
    store = Store(data_root / run.dataset, run.evaluate_split)
    predictor = load_predictor(run, checkpoint)
    chosen = choose(store, count)
    arrays = {"names": np.array([store.names[index] for index in chosen])}
    for i, index in enumerate(chosen):
        image, name = store.image(index), store.names[index]
        arrays[f"image_{i}"] = image
        arrays[f"label_{i}"] = store.label(index)
        arrays[f"prediction_{i}"] = predictor.label_map(image, protocol, name)
        for j, gate in enumerate(predictor.gates(image, protocol, name)):
            arrays[f"gate_{i}_{j}"] = gate
    write_arrays(out_file, arrays)


def choose(store: Store, count: int) -> list[int]:
    """Indices of `count` images (all, if there are fewer): the one with most classes in each equal stretch."""
    count = min(count, len(store))
    edges = [len(store) * i // count for i in range(count + 1)] if count else []
    return [
        max(range(first, end), key=lambda index: np.setdiff1d(store.label(index), IGNORE).size)
        for first, end in itertools.pairwise(edges)
    ]
