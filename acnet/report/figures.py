"""The figures and the curves over training, as PNG and PDF."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from acnet.drawing import ACCENT, INK, LOOKS, QUIET, placeholder, save, style
from acnet.errors import AcnetError
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
    from acnet.report.architecture import block_figure, network_figure  # which need torch

    (run,) = entry.runs.values()
    draw = network_figure if entry.kind == "network" else block_figure
    return draw(campaign.resolve(run, campaign.scale.seeds[0]))


def write_curves(report: Report) -> list[Path]:
    """Write figures/curves and factors, as .png and .pdf: loss, and alpha and beta, over epochs."""
    with style():
        drawn = {
            "curves": curves_figure(report.runs, report.results),
            "factors": factors_figure(report.runs, report.results),
        }
        return [p for name, figure in drawn.items() for p in save(figure, report.folder / "figures", name, dpi=130)]


def class_gains_figure(entry: tables.Figure, results: Results) -> Figure:
    """Figure 1, what global and local context add to the FCN: bars of the gain in IoU (points) over the first run.

    Classes with most labelled pixels come first. A run that is missing is named under the title; without the first
    run, without any other, or where their settings differ, a placeholder.
    """
    baseline_label, baseline = next(iter(entry.runs.items()))
    gains = class_gains(entry, results)
    missing = [run for run in entry.runs.values() if not results.measured(run, entry.protocol)]
    if not gains:
        return placeholder(entry.title, missing)
    if other := results.other_settings((run, entry.protocol) for run in entry.runs.values()):
        return placeholder(entry.title, [f"equal settings of {' and '.join(other)}"])
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


def class_gains(entry: tables.Figure, results: Results) -> dict[str, dict[str, Gain]]:
    """The gains of each other run of a figure over its first, by the run's label; none where either is not measured."""
    baseline, *_ = entry.runs.values()
    gains = {label: gains_of(run, baseline, entry.protocol, results) for label, run in list(entry.runs.items())[1:]}
    return {label: found for label, found in gains.items() if found}


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
        validation = [history.set_index("epoch")["loss"] for history in _histories(run, results, "validation")]
        parts = {"train": list(map(_by_epoch, _histories(run, results))), "validation": validation}
        lines = {
            name: [[[x, float(f"{y:.4g}")] for x, y in one.items()] for one in part] for name, part in parts.items()
        }
        found += [{"run": run, **lines}] if lines["train"] else []
    return found


def curves_figure(runs: list[str], results: Results) -> Figure:
    """One panel for each of `runs` that has a history, a line for each seed, all on the same logarithmic axes."""
    lines = {run: [(_by_epoch(history), {}) for history in _histories(run, results)] for run in runs}
    figure = _panels("Training curves", lines, "main loss", "every run")
    for axes in figure.axes:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    return figure


def factors_figure(runs: list[str], results: Results) -> Figure:
    """One panel for each of `runs` with alpha or beta in its history, a line for each block and seed, beta dashed."""
    lines = {run: [line for history in _histories(run, results) for line in _factors(history)] for run in runs}
    return _panels("Learned factors", lines, "α (solid), β (dashed); darker: later blocks", "a network with context")


def _histories(run: str, results: Results, name: str = "history") -> list[pandas.DataFrame]:
    """The training curves of `run`, or those of "validation", a row for each recorded step."""
    files = [results.seed_folder(run, seed) / f"{name}.csv" for seed in results.scale.seeds]
    needed = ["epoch", "main_loss" if name == "history" else "loss"]
    return [history for file in files if file.exists() and len(history := _history(file, needed))]


def _history(file: Path, needed: list[str]) -> pandas.DataFrame:
    try:
        return pandas.read_csv(file, dtype=float, float_precision="round_trip").dropna(subset=needed, how="all")
    except (KeyError, ValueError) as error:
        raise AcnetError(f"{file}: not a training curve ({error}); move it away and run again") from error


def _by_epoch(history: pandas.DataFrame) -> pandas.Series:
    """The mean main loss of each epoch; an epoch's steps carry the fractions that lead up to it."""
    rows = history.dropna(subset=["epoch", "main_loss"])
    return rows["main_loss"].groupby(np.ceil(rows["epoch"] - 1e-6).astype(int)).mean()


def _factors(history: pandas.DataFrame) -> list[tuple[pandas.Series, dict]]:
    """Each alpha and beta by epoch, and the look of its line."""
    names = [name for name in history if name.endswith((".alpha", ".beta"))]
    by_epoch = history.set_index("epoch")[names].dropna()
    shades = dict(zip(dict.fromkeys(name.rsplit(".", 2)[0] for name in names), (0.4, 0.7, 1.0), strict=False))
    return [
        (by_epoch[name], {"linestyle": "--" if name.endswith("beta") else "-", "alpha": shades[name.rsplit(".", 2)[0]]})
        for name in names
    ]


def _panels(title: str, lines: dict[str, list], label: str, missing: str) -> Figure:
    """A panel for each run that has `lines` (values by epoch, look), all on the same axes."""
    found = {run: each for run, each in lines.items() if each}
    if not found:
        return placeholder(title, [missing])
    columns = min(_COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    figure = Figure(figsize=(2.5 * columns, 1.6 * rows))
    room = {"hspace": 0.45, "wspace": 0.08, "left": 0.18 / columns, "right": 1, "bottom": 0.3 / rows, "top": 1}
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False, gridspec_kw=room)
    for axes, (run, each) in zip(panels.flat, found.items(), strict=False):
        for line, look in each:
            axes.plot(line.index, line, color=ACCENT, linewidth=1.1, **look)
        axes.set_title(run, loc="left", color=INK, fontsize=8)
        axes.grid(axis="y", color=QUIET, alpha=0.25, linewidth=0.5)
        axes.tick_params(labelsize=7, length=2)
    for axes in list(panels.flat)[len(found) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=8, color=QUIET, y=0)
    figure.supylabel(label, fontsize=8, color=QUIET, x=0)
    return figure
