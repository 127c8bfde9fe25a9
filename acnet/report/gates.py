"""What a network's gates do over a whole split: the figure `gates`, and the claim on where they are large."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from acnet.files import write_text
from acnet.params.claims import gated_runs
from acnet.params.tables import load_tables
from acnet.report.drawing import INK, QUIET, placeholder, save, style
from acnet.report.gates_runs import LOOKS, gates_csv, gates_runs_figure, measured
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo
from acnet.report.text import number

TITLE = "Where the gates are large"
_MOST = 30  # classes, those with most pixels
_PARTS = {"segments": "size of the segment", "distances": "pixels from a label edge"}


def write_gates(
    scale: ScaleInfo,
    *,
    params_root: str | Path,
    results_root: str | Path,
    out_root: str | Path,
    run: str | None = None,
) -> list[Path]:
    """Write out_root/{scale}/figures/gates and gates_runs, as .png and .pdf, and gates.csv; return the paths.

    The first shows the run that a claim asks about, or a placeholder where its gates are not measured, or the one
    `run`, in gates_{run}; the others every run with gates.
    """
    results, tables, folder = Results(scale, results_root), load_tables(params_root), Path(out_root) / scale.name
    if run is not None:
        with style():
            return save(gates_figure(run, results.gates(run)), folder / "figures", f"gates_{run}")
    asked = gated_runs(params_root, tables)
    found = measured(tables.trained([*scale.tables, *scale.figures]), results)
    with style():
        figure = gates_figure(asked[0], results.gates(asked[0])) if asked else placeholder(TITLE, ["no claim on gates"])
        paths = save(figure, folder / "figures", "gates")
        paths += save(gates_runs_figure(found), folder / "figures", "gates_runs")
    write_text(folder / "gates.csv", gates_csv(found))
    return [*paths, folder / "gates.csv"]


def gates_figure(run: str, gates: dict[str, Any] | None) -> Figure:
    """The mean gate of each block by class, by size of segment and by distance; hollow where it is shuffled."""
    if gates is None:
        return placeholder(TITLE, [f"{run} (gates)"])
    blocks = gates["blocks"]
    pixels = {name: group["pixels"] for name, group in blocks[0]["classes"].items() if group["pixels"]}
    names = sorted(pixels, key=lambda name: -pixels[name])[:_MOST]
    names.sort(key=lambda name: -np.mean([block["classes"][name]["mean"] for block in blocks]))
    height = max(3.2, 0.9 + 0.24 * len(names))
    figure = Figure(figsize=(8.5, height))
    places = figure.add_gridspec(2, 2, width_ratios=(1.15, 1), hspace=0.75, wspace=0.22)
    by_class = figure.add_subplot(places[:, 0])
    positions = np.arange(len(names))
    for block, look in zip(blocks, LOOKS, strict=False):
        _dots(by_class, [block["classes"][name] for name in names], positions, look, upright=False)
    by_class.set_yticks(positions, names)
    by_class.set_ylim(len(names) - 0.5, -0.5)
    by_class.tick_params(axis="y", length=0)
    by_class.grid(axis="both", color=QUIET, alpha=0.2, linewidth=0.5)
    by_class.set_xlabel("mean gate")
    for place, (part, label) in zip((places[0, 1], places[1, 1]), _PARTS.items(), strict=True):
        axes = figure.add_subplot(place, sharey=None)
        keys = [key for key, group in blocks[0][part].items() if group["pixels"]]
        for block, look in zip(blocks, LOOKS, strict=False):
            _dots(axes, [block[part][key] for key in keys], np.arange(len(keys)), look, upright=True)
        axes.set_xticks(range(len(keys)), [key.replace("to ", "≤").replace("beyond ", ">") for key in keys])
        axes.set_xlabel(label)
        axes.set_ylabel("mean gate")
        axes.margins(x=0.12, y=0.15)
        axes.grid(axis="y", color=QUIET, alpha=0.2, linewidth=0.5)
    handles = [
        by_class.plot([], [], linestyle="none", markersize=5, label=_label(i, block), **look)[0]
        for i, (block, look) in enumerate(zip(blocks, LOOKS, strict=False))
    ]
    hollow = {"marker": "o", "markerfacecolor": "none", "color": QUIET, "linestyle": "none", "markersize": 5}
    handles += by_class.plot([], [], label="shuffled", **hollow)
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.91), ncols=len(handles), fontsize=8)
    return figure


def _dots(axes, groups: list[dict], positions: np.ndarray, look: dict, *, upright: bool) -> None:
    """The gate's means as filled marks on a line where the groups have an order, the shuffled gate's as hollow ones."""
    for key, style_of in (
        ("shuffled", {"markerfacecolor": "none", "alpha": 0.45, "linestyle": ":" if upright else "none"}),
        ("mean", {"linestyle": "-" if upright else "none"}),
    ):
        values = [group[key] for group in groups]
        pair = (positions, values) if upright else (values, positions)
        axes.plot(*pair, linewidth=0.9, markersize=4.5, markeredgewidth=0.8, **look, **style_of)
    axes.tick_params(labelcolor=INK)


def _label(number_of: int, block: dict[str, Any]) -> str:
    factors = f"α {number(block['alpha'])}"
    if block["beta"] is not None:
        factors += f", β {number(block['beta'])}"
    return f"block {number_of + 1}, 1/{block['stride']} ({factors})"
