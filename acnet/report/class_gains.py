"""Figure 1: what global and local context add to the FCN, class by class."""

import numpy as np
from matplotlib.figure import Figure

from acnet.params import tables
from acnet.report.drawing import INK, LOOKS, QUIET, placeholder
from acnet.report.results import Results
from acnet.report.text import signed

Gain = tuple[float, float]  # mean and standard deviation over seeds


def class_gains_figure(entry: tables.Figure, results: Results) -> Figure:
    """Bars of the gain in IoU (points) over the first run; classes with most labelled pixels first.

    A run that is missing is named under the title; without the first run, or without any other, a placeholder.
    """
    (baseline_label, baseline), *others = entry.runs.items()
    gains = {label: gains_of(run, baseline, entry.protocol, results) for label, run in others}
    missing = [run for run in entry.runs.values() if not results.evaluated(run, entry.protocol)]
    drawn = [label for label in gains if gains[label]]
    if not drawn:
        return placeholder(entry.title, missing)
    names = _by_size(baseline, entry.protocol, results, {name for label in drawn for name in gains[label]})
    figure = Figure(figsize=(7, 1.1 + 0.30 * len(names)))
    axes = figure.add_subplot()
    height = 0.78 / len(drawn)
    for index, label in enumerate(drawn):
        positions = np.arange(len(names)) + (index - (len(drawn) - 1) / 2) * height
        _bars(axes, positions, [gains[label].get(name) for name in names], height, label, LOOKS[index % len(LOOKS)])
    for place, name in enumerate(names):
        if all(gains[label].get(name, (0.0, 0.0)) == (0.0, 0.0) for label in drawn):
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
    figure.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(drawn), bbox_transform=axes.transAxes)
    if missing:
        axes.set_title(f"not run: {', '.join(missing)}", color=QUIET, fontsize=8, loc="right", pad=24)
    return figure


def gains_of(run: str, baseline: str, protocol: str, results: Results) -> dict[str, Gain]:
    """Gain of `run` over `baseline` for each class that both know, over the seeds that both have; points."""
    found: dict[str, list[float]] = {}
    for seed in results.scale.seeds:
        ours, base = (results.metrics(name, protocol, seed) for name in (run, baseline))
        for name in base["class_iou"] if ours and base else ():
            values = ours["class_iou"].get(name), base["class_iou"][name]
            if None not in values:
                found.setdefault(name, []).append(100 * (values[0] - values[1]))
    return {name: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else 0.0) for name, v in found.items()}


def _bars(axes, positions: np.ndarray, gains: list[Gain | None], height: float, label: str, look: dict) -> None:
    known = [(position, gain) for position, gain in zip(positions, gains, strict=True) if gain]
    where, mean, spread = np.array([(position, *gain) for position, gain in known]).T
    axes.barh(where, mean, height * 0.92, label=label, linewidth=0.7, **look)
    if spread.any():
        axes.errorbar(mean, where, xerr=spread, fmt="none", ecolor=INK, elinewidth=0.7, capsize=1.5)
    for position, value, extra in zip(where, mean, spread, strict=True):
        text, side = signed(value, 1), 1 if value >= 0 else -1
        if text == "0.0" and not extra:
            continue  # no bar to read a number from
        axes.annotate(
            text, (value + side * extra, position), xytext=(3 * side, 0), textcoords="offset points",
            ha="left" if side > 0 else "right", va="center_baseline", fontsize=6.5, color=QUIET,
        )  # fmt: skip


def _by_size(baseline: str, protocol: str, results: Results, names: set[str]) -> list[str]:
    pixels = next(p for seed in results.scale.seeds if (p := results.class_pixels(baseline, protocol, seed)))
    return sorted(names, key=lambda name: (-pixels[name], name))
