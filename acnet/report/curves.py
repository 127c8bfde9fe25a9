"""Training curves of every run at hand, as small multiples."""

import math
import statistics
from pathlib import Path

from matplotlib.figure import Figure

from acnet.params.tables import load_tables
from acnet.report.drawing import ACCENT, INK, QUIET, placeholder, save, style
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo

_COLUMNS = 4


def write_curves(
    scale: ScaleInfo, *, params_root: str | Path, results_root: str | Path, out_root: str | Path
) -> list[Path]:
    """Write out_root/{scale}/figures/curves.png and .pdf: loss over epochs, one panel for each run."""
    results = Results(scale, results_root)
    runs = load_tables(params_root).trained([*scale.tables, *scale.figures])
    with style():
        return save(curves_figure(runs, results), Path(out_root) / scale.name / "figures", "curves", dpi=130)


def curves_figure(runs: list[str], results: Results) -> Figure:
    """One panel for each of `runs` that has a history, a line for each seed, all on the same axes."""
    found = {run: [h for seed in results.scale.seeds if (h := results.history(run, seed))] for run in runs}
    found = {run: histories for run, histories in found.items() if histories}
    if not found:
        return placeholder("Training curves", ["every run"])
    rows = math.ceil(len(found) / _COLUMNS)
    figure = Figure(figsize=(10, 1.6 * rows))
    room = {"hspace": 0.45, "wspace": 0.08, "left": 0.045, "right": 1, "bottom": 0.3 / rows, "top": 1}
    panels = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False, gridspec_kw=room)
    for axes, (run, histories) in zip(panels.flat, found.items(), strict=False):
        for index, history in enumerate(histories):
            axes.plot(*_by_epoch(history), color=ACCENT, linewidth=1.1, alpha=1 if not index else 0.5)
        axes.set_title(run, loc="left", color=INK, fontsize=8)
        axes.grid(axis="y", color=QUIET, alpha=0.25, linewidth=0.5)
        axes.tick_params(labelsize=7, length=2)
    for axes in list(panels.flat)[len(found) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=8, color=QUIET, y=0)
    figure.supylabel("main loss", fontsize=8, color=QUIET, x=0)
    return figure


def _by_epoch(history: list[dict[str, float]]) -> tuple[list[float], list[float]]:
    """Epochs and the mean main loss of each; an epoch's steps carry the fractions that lead up to it."""
    losses: dict[float, list[float]] = {}
    for row in history:
        if "epoch" in row and "main_loss" in row:
            losses.setdefault(math.ceil(row["epoch"] - 1e-6), []).append(row["main_loss"])
    return list(losses), [statistics.fmean(values) for values in losses.values()]
