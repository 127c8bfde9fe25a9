"""A table's networks in one picture: the score against the FLOPs, and which of them no other beats in both."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from acnet.drawing import ACCENT, QUIET, placeholder, save, style
from acnet.report.cells import table_cells
from acnet.report.report import Report

_LINE = 8  # points below its mark from which a line leads to a label
Points = Mapping[str, tuple[float, float]]  # by row: FLOPs, score


def write_cost(name: str, report: Report) -> list[Path]:
    """Write figures/{name}_cost.png and .pdf for the first column of a table; return the paths."""
    report.scale.require(name)
    with style():
        return save(cost_figure(name, report), report.folder / "figures", f"{name}_cost")


def cost_figure(name: str, report: Report) -> Figure:
    """A point for each measured row, with its interval; a line joins the `front`. The row compared with is filled."""
    table = report.tables.table(name)
    cells = table_cells(name, table, report.results)
    key, column = next(iter(table.columns.items()))
    found = {row.key: cells[name, row.key, key] for row in table.rows}
    found = {row: cell for row, cell in found.items() if cell.run and cell.ours is not None}
    title = f"{column.label} against FLOPs: {report.scale.title}"
    if not found:
        return placeholder(title, ["all of its networks"])
    if other := report.results.other_settings((cell.run, cell.protocol) for cell in found.values()):
        return placeholder(title, [f"equal settings of {' and '.join(other)}"])
    points = {row: (report.size(cell.run).flops / 1e9, cell.ours) for row, cell in found.items()}
    figure = Figure(figsize=(7, 4.5))
    axes = figure.add_subplot()
    labels, looks = [], {"fontsize": 6.5, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.5}}
    for row, (flops, score) in points.items():
        cell, method = found[row], table.row(row).method
        if cell.interval:
            axes.plot((flops, flops), cell.interval, color=QUIET, alpha=0.4, linewidth=0.8)
        fill = ACCENT if row == table.against else "white"
        axes.plot(flops, score, marker="o", markersize=4.5, color=ACCENT, markerfacecolor=fill)
        text = axes.annotate(method, (flops, score), xytext=(4, 3), textcoords="offset points", zorder=1.5, **looks)
        labels.append(text)
    front_line = zip(*(points[row] for row in front(points)), strict=True)
    axes.plot(*front_line, color=ACCENT, linewidth=0.8, alpha=0.5, zorder=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(which="both", labelsize=7, length=3, pad=3)
    axes.set_xlabel("GFLOP of a forward pass of one training crop (logarithmic)", fontsize=8)
    level = 100 * report.scale.measures.level
    axes.set_ylabel(f"{column.label}, % (lines: {level:g} % interval over images)", fontsize=8)
    axes.set_title(title, loc="left")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.15 * (high - low), high)  # room for the labels of the lowest marks
    _part(labels)
    for label in labels:
        if label.xyann[1] < -_LINE:
            arrow = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", label.xy, xytext=label.xyann, textcoords="offset points", arrowprops=arrow, zorder=1)
    return figure


def _part(labels: list[Annotation]) -> None:
    """Move labels down, the highest first, until none covers another or a mark."""
    marks = [label.axes.transData.transform(label.xy) for label in labels]
    boxes = [Bbox([mark - 4, mark + 4]) for mark in marks]
    for label in sorted(labels, key=lambda label: -label.xy[1]):
        while any(label.get_window_extent().overlaps(box) for box in boxes):
            label.xyann = (label.xyann[0], label.xyann[1] - 1)
        boxes.append(label.get_window_extent())


def front(points: Points) -> list[str]:
    """The Pareto front, cheapest first: those that score above every one that takes as many FLOPs or fewer."""
    chosen, best = [], float("-inf")
    for row in sorted(points, key=lambda row: (points[row][0], -points[row][1])):
        if points[row][1] > best:
            chosen.append(row)
            best = points[row][1]
    return chosen
