"""The figures and the curves over training, as PNG and PDF."""

import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from acnet.drawing import ACCENT, INK, LOOKS, QUIET, placeholder, save, style
from acnet.params import tables
from acnet.params.campaign import Campaign
from acnet.report.photos import photo_figure
from acnet.report.report import Report
from acnet.report.results import Results
from acnet.report.text import signed

Gain = tuple[float, float]  # mean and standard deviation over seeds
_COLUMNS = 4  # of training curves


def write_figure(name: str, report: Report) -> list[Path]:
    """Write figures/{name}.png and .pdf and return the paths; equal inputs give equal bytes.

    A figure whose runs are missing says so. Raises AcnetError for a figure that is not in the scale and for a broken
    file.
    """
    report.scale.require(name)
    entry = report.tables.figure(name)
    with style():
        if entry.built:
            figure = _built_figure(entry, report.campaign)
        else:
            draw = class_gains_figure if entry.kind == "class_gains" else photo_figure
            figure = draw(entry, report.results)
        return save(figure, report.folder / "figures", name)


def _built_figure(entry: tables.Figure, campaign: Campaign) -> Figure:
    from acnet.report import architecture  # which needs torch

    (run,) = entry.runs.values()
    draw = architecture.network_figure if entry.kind == "network" else architecture.block_figure
    return draw(campaign.resolve(run, campaign.scale.seeds[0]))


def write_curves(report: Report) -> list[Path]:
    """Write figures/curves and factors, as .png and .pdf: loss, and alpha and beta, over epochs."""
    with style():
        drawn = {name: draw(report.runs, report.results) for name, draw in _CURVES.items()}
        return [p for name, figure in drawn.items() for p in save(figure, report.folder / "figures", name, dpi=130)]


def class_gains_figure(entry: tables.Figure, results: Results) -> Figure:
    """Figure 1, what global and local context add to the FCN: bars of the gain in IoU (points) over the first run.

    Classes with most labelled pixels come first. A run that is missing is named under the title; without the first
    run, or without any other, a placeholder.
    """
    (baseline_label, baseline), *others = entry.runs.items()
    gains = {label: gains_of(run, baseline, entry.protocol, results) for label, run in others}
    gains = {label: found for label, found in gains.items() if found}
    missing = [run for run in entry.runs.values() if not results.measured(run, entry.protocol)]
    if not gains:
        return placeholder(entry.title, missing)
    pixels = next(iter(results.measured(baseline, entry.protocol).values()))["class_pixels"]
    names = sorted({name for found in gains.values() for name in found}, key=lambda name: (-pixels[name], name))
    figure = Figure(figsize=(7, 1.1 + 0.30 * len(names)))
    axes = figure.add_subplot()
    height = 0.78 / len(gains)
    for index, (label, found) in enumerate(gains.items()):
        heights = np.arange(len(names)) + (index - (len(gains) - 1) / 2) * height
        _bars(axes, heights, [found.get(name) for name in names], height, label, LOOKS[index % len(LOOKS)])
    for place, name in enumerate(names):
        if all(found.get(name, (0.0, 0.0)) == (0.0, 0.0) for found in gains.values()):
            axes.annotate("no change", (0, place), xytext=(4, 0), textcoords="offset points", va="center_baseline",
                          fontsize=6.5, color=QUIET)  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=QUIET, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"gain in IoU over the {baseline_label}, points")
    axes.set_ylabel("class, largest share of pixels first", color=QUIET)
    figure.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(gains), bbox_transform=axes.transAxes)
    if missing:
        axes.set_title(f"not run: {', '.join(missing)}", color=QUIET, fontsize=8, loc="right", pad=24)
    return figure


def gains_of(run: str, baseline: str, protocol: str, results: Results) -> dict[str, Gain]:
    """Gain of `run` over `baseline` for each class that both know, over the seeds that both have; points."""
    found: dict[str, list[float]] = {}
    ours, base = (results.measured(name, protocol) for name in (run, baseline))
    for seed in [seed for seed in ours if seed in base]:
        for name, value in base[seed]["class_iou"].items():
            values = ours[seed]["class_iou"].get(name), value
            if None not in values:
                found.setdefault(name, []).append(100 * (values[0] - values[1]))
    return {name: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else 0.0) for name, v in found.items()}


def _bars(axes, heights: np.ndarray, gains: list[Gain | None], thickness: float, label: str, look: dict) -> None:
    where, mean, spread = np.array([(h, *gain) for h, gain in zip(heights, gains, strict=True) if gain]).T
    axes.barh(where, mean, thickness * 0.92, label=label, linewidth=0.7, **look)
    if spread.any():
        axes.errorbar(mean, where, xerr=spread, fmt="none", ecolor=INK, elinewidth=0.7, capsize=1.5)
    for height, value, extra in zip(where, mean, spread, strict=True):
        text, side = signed(value, 1), 1 if value >= 0 else -1
        if text == "0.0" and not extra:
            continue  # no bar to read a number from
        axes.annotate(
            text, (value + side * extra, height), xytext=(3 * side, 0), textcoords="offset points",
            ha="left" if side > 0 else "right", va="center_baseline", fontsize=6.5, color=QUIET,
        )  # fmt: skip


def curves(runs: list[str], results: Results) -> list[dict[str, Any]]:
    """The losses of each run by epoch, [epoch, loss], a line for each seed: in training, and on val if validated."""
    found = []
    for run in runs:
        train = [zip(*_by_epoch(history), strict=True) for history in _histories(run, results)]
        validation = [[(row["epoch"], row["loss"]) for row in one] for one in _histories(run, results, "validation")]
        parts = {"train": train, "validation": validation}
        lines = {name: [[[x, float(f"{y:.4g}")] for x, y in one] for one in part] for name, part in parts.items()}
        found += [{"run": run, **lines}] if train else []
    return found


def curves_figure(runs: list[str], results: Results) -> Figure:
    """One panel for each of `runs` that has a history, a line for each seed, all on the same axes."""
    lines = {run: [(*_by_epoch(one), {}) for one in _histories(run, results)] for run in runs}
    return _panels("Training curves", lines, "main loss", "every run")


def factors_figure(runs: list[str], results: Results) -> Figure:
    """One panel for each of `runs` with alpha or beta in its history, a line for each block and seed, beta dashed."""
    lines = {run: [line for one in _histories(run, results) for line in _factors(one)] for run in runs}
    return _panels("Learned factors", lines, "α (solid), β (dashed); darker: later blocks", "a network with context")


_CURVES = {"curves": curves_figure, "factors": factors_figure}


def _histories(run: str, results: Results, name: str = "history") -> list[list[dict[str, float]]]:
    return [history for seed in results.scale.seeds if (history := results.history(run, seed, name))]


def _factors(history: list[dict[str, float]]) -> list[tuple[list[float], list[float], dict]]:
    """Epochs, values and look of each alpha and beta."""
    names = [name for name in history[-1] if name.endswith((".alpha", ".beta"))]
    shades = dict(zip(dict.fromkeys(name.rsplit(".", 2)[0] for name in names), (0.4, 0.7, 1.0), strict=False))
    rows = [row for row in history if names and names[0] in row]
    return [
        ([row["epoch"] for row in rows], [row[name] for row in rows],
         {"linestyle": "--" if name.endswith("beta") else "-", "alpha": shades[name.rsplit(".", 2)[0]]})
        for name in names
    ]  # fmt: skip


def _panels(title: str, lines: dict[str, list], label: str, missing: str) -> Figure:
    """A panel for each run that has `lines` (x, y, look), all on the same axes."""
    found = {run: each for run, each in lines.items() if each}
    if not found:
        return placeholder(title, [missing])
    rows = math.ceil(len(found) / _COLUMNS)
    figure = Figure(figsize=(10, 1.6 * rows))
    room = {"hspace": 0.45, "wspace": 0.08, "left": 0.045, "right": 1, "bottom": 0.3 / rows, "top": 1}
    panels = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False, gridspec_kw=room)
    for axes, (run, each) in zip(panels.flat, found.items(), strict=False):
        for x, y, look in each:
            axes.plot(x, y, color=ACCENT, linewidth=1.1, **look)
        axes.set_title(run, loc="left", color=INK, fontsize=8)
        axes.grid(axis="y", color=QUIET, alpha=0.25, linewidth=0.5)
        axes.tick_params(labelsize=7, length=2)
    for axes in list(panels.flat)[len(found) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=8, color=QUIET, y=0)
    figure.supylabel(label, fontsize=8, color=QUIET, x=0)
    return figure


def _by_epoch(history: list[dict[str, float]]) -> tuple[list[float], list[float]]:
    """Epochs and the mean main loss of each; an epoch's steps carry the fractions that lead up to it."""
    losses: dict[float, list[float]] = {}
    for row in history:
        if "epoch" in row and "main_loss" in row:
            losses.setdefault(math.ceil(row["epoch"] - 1e-6), []).append(row["main_loss"])
    return list(losses), [statistics.fmean(values) for values in losses.values()]
