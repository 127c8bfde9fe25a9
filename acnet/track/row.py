"""What DVC shows of a run: a row of `dvc exp show`, equal columns for every run, and the CSV files of `dvc plots`."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acnet.evaluate.counts import read_counts
from acnet.params.run import Run

NONE, NOT_RUN, UNKNOWN = "none", "not run", "unknown"
_MODULES = {"none": [], "gc": ["GC"], "gcm": ["GCM"], "lc": ["LC"], "lcm": ["LCM"]}
_NO_SCORE = f"   {NOT_RUN}"  # its blanks sort it behind every number
_MEASURES = ("miou", "pixacc")
_POINTS = 400
_SMALL = 0.1  # percent
_HISTORY = ("step", "epoch", "loss", "learning_rate")


def parameters(run: Run, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter columns of a run from its params.yaml and provenance.json, but for `stale`, which time changes.

    `n` is how often the gated local feature is used, `blocks` the number of context blocks, `commit` the one that the
    run was trained at, with a + if code or parameters differed from it.
    """
    model, train = run.model, run.train
    modules = _MODULES[model.global_context] + _MODULES[model.local_context]
    strategies = {
        "MG": model.multi_grid is not None,
        "DA": train.scale_range[0] != train.scale_range[1],
        "OHEM": train.ohem,
    }
    commit = provenance.get("commit")
    return {
        "scale": run.scale,
        "run": run.name,
        "seed": run.seed,
        "dataset": run.dataset,
        "backbone": model.backbone,
        "stride": model.output_stride,
        "modules": "+".join(modules) or model.head,
        "delta": model.delta if model.global_context == "gcm" else NONE,
        "n": model.reuse if model.local_context != "none" else NONE,
        "blocks": model.blocks if modules else NONE,
        "strategies": "+".join(name for name, used in strategies.items() if used) or NONE,
        "commit": f"{commit[:10]}{'+' if provenance.get('dirty') else ''}" if commit else UNKNOWN,
    }


def columns(values: Mapping[str, Any]) -> str:
    """YAML with every text in quotes: a commit such as 12345e6789 must not be read as a number."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())


def measures(
    metrics: Mapping[str, Mapping[str, Any]], protocols: Iterable[str], provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """The metric columns: mIoU and PixAcc in percent by protocol, the hours of training, and those times its GPUs.

    On a CPU `gpu_hours` is 0. Each process of a training on GPUs has one of its own.
    `score` repeats the mIoU of the first protocol at hand as a text: DVC cannot sort a column where some rows have a
    number and others "not run", but texts of equal width it can.
    """
    row = {name: _percent(metrics.get(name)) for name in protocols}
    mious = {name: metrics.get(name, {}).get("miou") for name in row}
    scores = (f"{100 * miou:6.2f} {name}" for name, miou in mious.items() if miou is not None)
    seconds = provenance.get("seconds")
    on_gpu = not str(provenance.get("device", "CPU")).upper().startswith("CPU")
    gpus = provenance.get("processes", 1) if on_gpu else 0
    hours, gpu_hours = (UNKNOWN if seconds is None else round(seconds / 3600 * times, 4) for times in (1, gpus))
    return {"score": next(scores, _NO_SCORE), **row, "hours": hours, "gpu_hours": gpu_hours}


def _percent(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    if metrics is None:
        return dict.fromkeys(_MEASURES, NOT_RUN)
    return {key: NONE if metrics.get(key) is None else round(100 * metrics[key], 4) for key in _MEASURES}


def history(file: Path) -> str:
    """The training curve of a history.csv, thinned to at most _POINTS steps, the last one kept; empty without one."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    rows = list(csv.DictReader(io.StringIO(text)))
    every = -(-len(rows) // _POINTS) or 1
    kept = rows[::-1][::every][::-1]
    return _csv(_HISTORY, ([row.get(name, "") for name in _HISTORY] for row in kept))


def classes(metrics: Mapping[str, Any] | None) -> str:
    """IoU in percent by class; classes without a value are left out."""
    found = (metrics or {}).get("class_iou", {})
    return _csv(("class", "iou"), ([name, round(100 * iou, 4)] for name, iou in found.items() if iou is not None))


def confusion(counts: Path | None, names: Sequence[str]) -> str:
    """The confusion matrix in a file of counts by image, as percent of each true class.

    Cells below 0.1 % are left out, but for the diagonal: it comes first, so that both axes have the classes' order.
    """
    matrix = read_counts(counts).confusion().tolist() if counts is not None and counts.exists() else []
    cells = [
        (actual, predicted, 100 * count / (total or 1))
        for actual, row, total in zip(names, matrix, map(sum, matrix), strict=False)
        for predicted, count in zip(names, row, strict=False)
    ]
    diagonal = [cell for cell in cells if cell[0] == cell[1]]
    others = [cell for cell in cells if cell[0] != cell[1] and cell[2] >= _SMALL]
    shown = ([actual, predicted, round(share, 3)] for actual, predicted, share in diagonal + others)
    return _csv(("actual", "predicted", "percent"), shown)


def _csv(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()
