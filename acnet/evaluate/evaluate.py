"""Evaluate one trained run by several protocols and write its metrics."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acnet.errors import AcnetError
from acnet.evaluate.confusion import confusion
from acnet.evaluate.metrics import summary
from acnet.evaluate.trained import open_trained
from acnet.files import digest, write_json
from acnet.params.protocols import Protocol
from acnet.progress import Progress


def evaluate_run(
    params: Mapping[str, Any], checkpoint: Path, protocols: Sequence[Protocol], data_root: Path, out: Path
) -> None:
    """Write {out}/{protocol.name}.json for each protocol: the metrics of `checkpoint` on the run's evaluation split.

    `params` are the resolved parameters of the run. Each image is read once, for all protocols. Nothing is written
    before the whole split is scored. Raises AcnetError for data that is not prepared, a checkpoint of another
    network, scores that are not finite, and a split without a labelled pixel.
    """
    trained = open_trained(params, checkpoint, data_root)
    classes, images, split = len(trained.names), len(trained.store), params["evaluate_split"]
    totals = [np.zeros((classes, classes), np.int64) for _ in protocols]
    progress = Progress(f"evaluate {params['run']} on {params['dataset']} {split}", images, "images")
    for index in range(images):
        truth = trained.store.label(index)
        for protocol, total in zip(protocols, totals, strict=True):
            total += confusion(truth, trained.label_map(index, protocol), classes)
        progress.advance()
    progress.finish()
    if not all(total.any() for total in totals):
        raise AcnetError(f"{data_root / params['dataset']}: split '{split}' has no labelled pixel to score")
    for protocol, total in zip(protocols, totals, strict=True):
        settings = dataclasses.asdict(protocol)
        metrics = {
            **{key: params[key] for key in ("scale", "run", "seed", "dataset", "reader")},
            "split": split,
            "protocol": settings,
            "protocol_hash": digest(settings),
            "images": images,
            **summary(total, trained.names, params["reader"]),
        }
        write_json(out / f"{protocol.name}.json", metrics)
