"""The primary claims as a forest plot: the paper's differences beside ours, with intervals, a panel for each scale."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from acnet.drawing import ACCENT, INK, PALE, QUIET, placeholder, save, style
from acnet.report.checks import NOT_MEASURED
from acnet.report.claims import read_claims
from acnet.report.report import Report
from acnet.report.text import signed
from acnet.report.uncertainty import t_interval

TITLE = "The primary claims"
_PAPER = {"marker": "D", "markersize": 4, "color": QUIET, "markerfacecolor": "none", "linestyle": "none"}
_SEVERAL = {"marker": "o", "markersize": 4.5, "color": ACCENT, "linewidth": 2.2}
_ONE = {**_SEVERAL, "markerfacecolor": "white", "linewidth": 0.8}
_LEVEL = {"color": ACCENT, "linewidth": 0.7}
_TICKS = (-40, -10, -2, -1, 0, 1, 2, 10, 40)
_LINEAR = 2  # points, beyond which the axis is logarithmic


def write_forest(report: Report, published: Sequence[str] = ()) -> list[Path]:
    """Write figures/forest.png and .pdf from claims.json; return the paths.

    With the names of `published` scales it is out_root/published/forest, which has a panel for each of them.
    """
    there = report.out_root / "published"
    found = [read_claims(there / name, "publish") for name in published] or [read_claims(report.folder)]
    with style():
        return save(forest_figure(found), there if published else report.folder / "figures", "forest")


def forest_figure(reports: Sequence[dict[str, Any]]) -> Figure:
    """A line for each step, in points of IoU, of the primary claims in some claims.json, a panel for each of these.

    Filled marks have the t interval of several seeds, thin at the level of Holm's procedure; hollow ones have that over
    images of one seed, which decides nothing. Diamonds are the paper's differences. The verdict of a claim stands
    beside the middle of its lines. A line that no scale has measured is left out.
    """
    found = [_lines(report) for report in reports]
    names = list(
        dict.fromkeys(name for lines in found for name, (_, step) in lines.items() if step["ours"] is not None)
    )
    if not names:
        return placeholder(TITLE, ["the networks that it compares"])
    figure = Figure(figsize=(4.2 + 2.6 * len(reports), 1.0 + 0.27 * len(names)))
    panels = figure.subplots(1, len(reports), sharex=True, sharey=True, squeeze=False)[0]
    for axes, report, lines in zip(panels, reports, found, strict=True):
        margin = report["rule"]["margin"]
        axes.axvspan(-margin, margin, color=PALE, alpha=0.4, linewidth=0)
        axes.axvline(0, color=QUIET, linewidth=0.6)
        drawn = defaultdict(list)
        for place, name in enumerate(names):
            if (line := lines.get(name)) and line[1]["ours"] is not None:
                claim, step = line
                _draw(axes, place, step, claim["level"])
                if len(step["seeds"]) > 1:
                    drawn[claim["id"], claim["verdict"]].append(place)
        for (_, verdict), places in drawn.items():
            _write_verdict(axes, statistics.mean(places), verdict)
        axes.set_xscale("symlog", linthresh=_LINEAR, linscale=0.9)
        axes.set_title(report["title"], loc="left", fontsize=8)
        axes.grid(axis="x", color=QUIET, alpha=0.15, linewidth=0.5)
        axes.tick_params(axis="y", length=0)
    low, high = panels[0].get_xlim()
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    for axes in panels:
        axes.set_xticks(ticks, [signed(tick, 0) for tick in ticks], fontsize=7)
        axes.minorticks_off()
    panels[0].set_yticks(range(len(names)), names, fontsize=7)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    figure.subplots_adjust(wspace=0.35)
    inside, inch = figure.subplotpars, 1 / figure.get_figheight()
    axis = f"difference in points (linear within ±{_LINEAR}, logarithmic beyond)"
    shaded = f"shaded: ±{margin:g}, the margin of equivalence"
    figure.supxlabel(f"{axis}; {shaded}", fontsize=8, color=QUIET, y=inside.bottom - 0.28 * inch, va="top")
    place = (0.5, inside.top + 0.25 * inch)
    seeds = {len(step["seeds"]) for lines in found for _, step in lines.values()}
    handles = _handles(panels[0], report["rule"]["level"], one=1 in seeds, several=max(seeds) > 1)
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=place, ncols=len(handles), fontsize=8)
    return figure


def _lines(report: dict[str, Any]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The primary claims and their steps by what the steps are called; the gates' are in figures of their own."""
    claims = [claim for claim in report["claims"] if claim["primary"] and claim["check"] != "gate_contrasts"]
    return {f"{claim['id']}  {step['label']}": (claim, step) for claim in claims for step in claim["steps"]}


def _draw(axes, place: int, step: dict[str, Any], level: float) -> None:
    if step["paper"] is not None:
        axes.plot(step["paper"], place, **_PAPER)
    several = len(step["seeds"]) > 1
    look = _SEVERAL if several else _ONE
    if several:
        axes.plot(t_interval(step["seeds"], 1 - level), (place, place), **_LEVEL)
    if between := step["interval" if several else "images"]:
        axes.plot(between, (place, place), color=look["color"], linewidth=look["linewidth"], solid_capstyle="butt")
    axes.plot(step["ours"], place, **look)


def _write_verdict(axes, place: float, verdict: str) -> None:
    word = "incomplete" if verdict == NOT_MEASURED else verdict
    color = QUIET if word in ("undecided", "incomplete") else INK
    axes.annotate(word, (1.02, place), xycoords=("axes fraction", "data"), fontsize=6.5, va="center",
                  color=color, annotation_clip=False)  # fmt: skip


def _handles(axes, level: float, *, one: bool, several: bool) -> list:
    """The entries of the legend, for steps of one seed and of several."""
    looks = {"paper": _PAPER}
    if several:
        looks[f"ours, {100 * level:g} % t interval over seeds"] = _SEVERAL
        looks["interval at the level of Holm's procedure"] = _LEVEL
    if one:
        looks["ours, one seed (interval over images)"] = _ONE
    return [axes.plot([], [], label=label, **look)[0] for label, look in looks.items()]
