"""One row of `dvc exp show`: the same columns for every run, none of them empty."""

from collections.abc import Iterable, Mapping
from typing import Any

from acnet.params.run import Run

NONE, NOT_RUN, UNKNOWN = "none", "not run", "unknown"
_MODULES = {"none": [], "gc": ["GC"], "gcm": ["GCM"], "lc": ["LC"], "lcm": ["LCM"]}
_NO_SCORE = f"   {NOT_RUN}"  # its blanks sort it behind every number
_MEASURES = ("miou", "pixacc")


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


def measures(
    metrics: Mapping[str, Mapping[str, Any]], protocols: Iterable[str], provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """The metric columns: mIoU and PixAcc in percent by protocol, the hours of training, and those times its GPUs.

    On a CPU `gpu_hours` is 0. Each process of a training on GPUs has one of its own.
    `score` repeats the mIoU of the first protocol at hand as a text: DVC cannot sort a column where some rows have a
    number and others "not run", but texts of equal width it can.
    """
    protocols = list(protocols)
    row: dict[str, Any] = {"score": _score(metrics, protocols)}
    row |= {name: _percent(metrics.get(name)) for name in protocols}
    seconds = provenance.get("seconds")
    on_gpu = not str(provenance.get("device", "CPU")).upper().startswith("CPU")
    gpus = provenance.get("processes", 1) if on_gpu else 0
    hours, gpu_hours = (UNKNOWN if seconds is None else round(seconds / 3600 * times, 4) for times in (1, gpus))
    return {**row, "hours": hours, "gpu_hours": gpu_hours}


def _score(metrics: Mapping[str, Mapping[str, Any]], protocols: list[str]) -> str:
    for name in protocols:
        miou = metrics.get(name, {}).get("miou")
        if miou is not None:
            return f"{100 * miou:6.2f} {name}"
    return _NO_SCORE


def _percent(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    if metrics is None:
        return dict.fromkeys(_MEASURES, NOT_RUN)
    return {key: NONE if metrics.get(key) is None else round(100 * metrics[key], 4) for key in _MEASURES}
