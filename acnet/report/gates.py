"""What the networks' gates do over a whole split: two figures, and all numbers as CSV."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from acnet.drawing import INK, QUIET, placeholder, save, style
from acnet.files import write_text
from acnet.params.claims import gated_run
from acnet.report.report import Report
from acnet.report.results import Results
from acnet.report.text import csv_text, number, plain
from acnet.report.uncertainty import t_interval

TITLE = "Where the gates are large"
_LOOKS = ({"marker": "o", "color": "#1f5a8a"}, {"marker": "s", "color": "#7a6aa6"}, {"marker": "^", "color": "#b06a2c"})
_MOST = 30  # classes, those with most pixels
_PARTS = {"segments": "size of the segment", "distances": "pixels from a label edge"}
_CONTRASTS = {"large_minus_small": "large minus small segments", "far_minus_near": "far from label edges minus near"}

Gates = dict[str, Any]  # a gates.json


def write_gates(report: Report, run: str | None = None) -> list[Path]:
    """Write figures/gates and gates_runs, as .png and .pdf, and gates.csv; return the paths.

    The first shows the run that a claim asks about, or a placeholder where its gates are not measured; with `run` only
    gates_{run} is drawn, which shows that one. The others show every run with gates.
    """
    results, folder, table = report.results, report.folder / "figures", report.folder / "gates.csv"
    with style():
        if run is not None:
            return save(gates_figure(run, results), folder, f"gates_{run}")
        asked, found = gated_run(report.params_root, report.tables), measured_gates(report.runs, results)
        figure = gates_figure(asked, results) if asked else placeholder(TITLE, ["no claim on gates"])
        paths = save(figure, folder, "gates")
        paths += save(gates_runs_figure(found, report.scale.measures.level), folder, "gates_runs")
    write_text(table, gates_csv(found))
    return [*paths, table]


def measured_gates(runs: list[str], results: Results) -> dict[tuple[str, int], Gates]:
    """What was measured of the gates, by run and seed, in the order of `runs`."""
    return {(run, seed): gates for run in runs for seed, gates in results.gates(run).items()}


def gates_csv(found: dict[tuple[str, int], Gates]) -> str:
    """A row for each class, size of segment, distance and contrast of each block, beside the block's learned factors.

    Gates are fractions. `low` and `high` bound the confidence interval of a contrast, the gate's minus the shuffled
    gate's.
    """
    rows, fields = [], "run seed dataset block stride alpha beta part group pixels gate shuffled low high"
    for (run, seed), gates in found.items():
        for block in gates["blocks"]:
            about = {"run": run, "seed": seed, "dataset": gates["dataset"]}
            about |= {key: block[key] for key in ("block", "stride")}
            about |= {factor: plain(block[factor]) for factor in ("alpha", "beta")}
            for part in ("classes", *_PARTS):
                for name, group in block[part].items():
                    numbers = {"gate": plain(group["mean"]), "shuffled": plain(group["shuffled"])}
                    rows.append({**about, "part": part, "group": name, "pixels": group["pixels"], **numbers})
            for name, contrast in block["contrasts"].items():
                low, high = contrast["interval"] or (None, None)
                numbers = {"gate": contrast["gate"], "shuffled": contrast["shuffled"], "low": low, "high": high}
                numbers = {key: plain(value) for key, value in numbers.items()}
                rows.append({**about, "part": "contrasts", "group": name, **numbers})
    return csv_text(rows, fields.split())


def gates_figure(run: str, results: Results) -> Figure:
    """The mean gate of each block by class, by size of segment and by distance; hollow where it is shuffled.

    Of several seeds, the mean over them.
    """
    if not (measured := results.gates(run)):
        return placeholder(TITLE, [f"{run} (gates)"])
    blocks = [_mean_block(one) for one in zip(*(gates["blocks"] for gates in measured.values()), strict=True)]
    pixels = {name: group["pixels"] for name, group in blocks[0]["classes"].items() if group["pixels"]}
    names = sorted(pixels, key=lambda name: -pixels[name])[:_MOST]
    names.sort(key=lambda name: -np.mean([block["classes"][name]["mean"] for block in blocks]))
    figure = Figure(figsize=(8.5, max(3.2, 0.9 + 0.24 * len(names))))
    panels = figure.add_gridspec(2, 2, width_ratios=(1.15, 1), hspace=0.75, wspace=0.22)
    by_class = figure.add_subplot(panels[:, 0])
    _dots(by_class, blocks, "classes", names, upright=False)
    by_class.set_yticks(range(len(names)), names)
    by_class.set_ylim(len(names) - 0.5, -0.5)
    by_class.tick_params(axis="y", length=0)
    by_class.grid(axis="both", color=QUIET, alpha=0.2, linewidth=0.5)
    by_class.set_xlabel("mean gate")
    for panel, (part, label) in zip((panels[0, 1], panels[1, 1]), _PARTS.items(), strict=True):
        axes = figure.add_subplot(panel)
        keys = [key for key, group in blocks[0][part].items() if group["pixels"]]
        _dots(axes, blocks, part, keys, upright=True)
        axes.set_xticks(range(len(keys)), [key.replace("to ", "≤").replace("beyond ", ">") for key in keys])
        axes.set_xlabel(label)
        axes.set_ylabel("mean gate")
        axes.margins(x=0.12, y=0.15)
        axes.grid(axis="y", color=QUIET, alpha=0.2, linewidth=0.5)
    handles = _handles(by_class, list(map(_label, blocks)))
    hollow = {"marker": "o", "markerfacecolor": "none", "color": QUIET, "linestyle": "none", "markersize": 5}
    handles += by_class.plot([], [], label="shuffled", **hollow)
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.91), ncols=len(handles), fontsize=8)
    return figure


def gates_runs_figure(found: dict[tuple[str, int], Gates], level: float) -> Figure:
    """Two panels of contrasts: the gate's minus the shuffled gate's of each block of each run, with its interval.

    Of several seeds, pale marks, the mean and the t interval `level`; of one seed, the interval over images.
    """
    runs: dict[str, list[Gates]] = {}
    for (run, _), gates in found.items():
        runs.setdefault(run, []).append(gates)
    if not runs:
        return placeholder("Gates of every gated network, minus shuffled gates", ["no gated network"])
    figure = Figure(figsize=(8.5, 0.9 + 0.33 * len(runs)))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (name, label) in zip(panels, _CONTRASTS.items(), strict=True):
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, seeds in enumerate(runs.values()):
            blocks = list(zip(*(one["blocks"] for one in seeds), strict=True))
            for line, measured in enumerate(blocks):
                look = _LOOKS[measured[0]["block"] - 1]
                contrasts = [one["contrasts"][name] for one in measured]
                if any(None in contrast.values() for contrast in contrasts):
                    continue
                height = place + (line - (len(blocks) - 1) / 2) * 0.24
                values = [100 * (contrast["gate"] - contrast["shuffled"]) for contrast in contrasts]
                ends = [100 * end for end in contrasts[0]["interval"]]
                if len(values) > 1:
                    ends = t_interval(values, level)
                    axes.plot(values, [height] * len(values), linestyle="none", markersize=3, alpha=0.35, **look)
                axes.plot(ends, [height, height], color=look["color"], linewidth=1.1, solid_capstyle="butt")
                axes.plot([np.mean(values)], [height], linestyle="none", markersize=4, **look)
        axes.set_xlabel(f"{label},\nminus the same of shuffled gates (hundredths)")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=QUIET, alpha=0.2, linewidth=0.5)
        for line in range(len(runs) - 1):
            axes.axhline(line + 0.5, color=QUIET, alpha=0.15, linewidth=0.5)
    panels[0].set_yticks(range(len(runs)), list(runs))
    panels[0].set_ylim(len(runs) - 0.5, -0.5)
    most = max(block["block"] for gates in found.values() for block in gates["blocks"])
    handles = _handles(panels[0], [f"block {i + 1}" for i in range(most)])
    figure.subplots_adjust(wspace=0.06)
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.885), ncols=most, fontsize=8)
    return figure


def _mean_block(seeds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One block of a network: the factors and the gates' means, averaged over its `seeds`."""

    def mean(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    block = {**seeds[0], **{factor: mean(one[factor] for one in seeds) for factor in ("alpha", "beta")}}
    for part in ("classes", *_PARTS):
        block[part] = {
            name: {**group, **{what: mean(one[part][name][what] for one in seeds) for what in ("mean", "shuffled")}}
            for name, group in block[part].items()
        }
    return block


def _dots(axes, blocks: list[dict], part: str, keys: list[str], *, upright: bool) -> None:
    """The gates' means as filled marks on a line where the groups have an order, the shuffled gates' as hollow ones."""
    places = np.arange(len(keys))
    for block, look in zip(blocks, _LOOKS, strict=False):
        for what, more in (
            ("shuffled", {"markerfacecolor": "none", "alpha": 0.45, "linestyle": ":" if upright else "none"}),
            ("mean", {"linestyle": "-" if upright else "none"}),
        ):
            values = [block[part][key][what] for key in keys]
            pair = (places, values) if upright else (values, places)
            axes.plot(*pair, linewidth=0.9, markersize=4.5, markeredgewidth=0.8, **look, **more)
    axes.tick_params(labelcolor=INK)


def _handles(axes, labels: list[str]) -> list:
    """The entries of a legend, one for each block."""
    return [
        axes.plot([], [], linestyle="none", markersize=5, label=label, **look)[0]
        for label, look in zip(labels, _LOOKS, strict=False)
    ]


def _label(block: dict[str, Any]) -> str:
    beta = "" if block["beta"] is None else f", β {number(block['beta'])}"
    return f"block {block['block']}, 1/{block['stride']} (α {number(block['alpha'])}{beta})"
