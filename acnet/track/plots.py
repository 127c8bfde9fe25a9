"""The files behind `dvc plots`: training curve, IoU by class, confusion matrix, as small CSV texts."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acnet.evaluate.counts import read_counts

_POINTS = 400
_SMALL = 0.1  # percent
_HISTORY = ("step", "epoch", "loss", "learning_rate")


def history(file: Path | None) -> str:
    """The training curve of a history.csv, thinned to at most _POINTS steps, the last one kept."""
    rows: list[dict[str, str]] = []
    if file is not None and file.exists():
        with open(file, newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    every = -(-len(rows) // _POINTS) or 1
    kept = rows[::-1][::every][::-1]
    return _text(_HISTORY, ([row.get(name, "") for name in _HISTORY] for row in kept))


def classes(metrics: Mapping[str, Any] | None) -> str:
    """IoU in percent by class; classes without a value are left out."""
    found = (metrics or {}).get("class_iou", {})
    return _text(("class", "iou"), ([name, round(100 * iou, 4)] for name, iou in found.items() if iou is not None))


def confusion(counts: Path | None, names: Sequence[str]) -> str:
    """The confusion matrix in a file of counts by image, as percent of each true class.

    Cells below 0.1 % are left out, but for the diagonal: it comes first, so that both axes have the classes' order.
    """
    diagonal, others = [], []
    if counts is not None and counts.exists():
        matrix = read_counts(counts).confusion().tolist()
        for actual, row in zip(names, matrix, strict=False):
            total = sum(row) or 1
            for predicted, count in zip(names, row, strict=False):
                share = 100 * count / total
                if predicted == actual:
                    diagonal.append([actual, predicted, round(share, 3)])
                elif share >= _SMALL:
                    others.append([actual, predicted, round(share, 3)])
    return _text(("actual", "predicted", "percent"), diagonal + others)


def _text(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()
