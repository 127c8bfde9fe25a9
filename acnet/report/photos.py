"""Figures 4 and 5: images with ground truth, predictions and gates."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Patch

from acnet.data.classes import Classes, load
from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import areas_of, metrics_of
from acnet.palette import coloured, legend
from acnet.params import tables
from acnet.report.drawing import INK, QUIET, placeholder
from acnet.report.examples import Example, read_examples
from acnet.report.results import Results
from acnet.report.text import number

_GATES = "cividis"  # its lightness rises evenly, so that it reads in grey
_WIDTH = {"gates": 11.5, "comparison": 8.5}


def photo_figure(entry: tables.Figure, results: Results) -> Figure:
    """Rows of examples: image, ground truth, the two runs' predictions and, for kind `gates`, the second run's gates.

    Shows the examples that both runs have, `entry.examples` at most; a placeholder where there are none.
    """
    files = {run: results.examples_file(run) for run in entry.runs.values()}
    missing = [run for run, path in files.items() if path is None]
    if missing:
        return placeholder(entry.title, missing)
    first, second = (read_examples(files[run]) for run in entry.runs.values())
    others = {example.name: example for example in first}
    pairs = [(others[example.name], example) for example in second if example.name in others][: entry.examples]
    if not pairs:
        return placeholder(entry.title, [f"examples that {' and '.join(files)} share"])
    reader = _reader(entry, results)
    if reader is None:
        return placeholder(entry.title, [f"params.yaml of {' and '.join(files)}"])
    *_, last = entry.runs.values()
    return _draw(entry, pairs, load(reader), _strides(last, results))


def _draw(
    entry: tables.Figure, pairs: list[tuple[Example, Example]], classes: Classes, strides: tuple[int, ...]
) -> Figure:
    gates = max(len(ours.gates) for _, ours in pairs) if entry.kind == "gates" else 0
    columns = 4 + gates
    width = _WIDTH[entry.kind]
    shape = pairs[0][0].image.shape
    cell = width / columns
    height = len(pairs) * (cell * shape[0] / shape[1] + 0.2)
    figure = Figure(figsize=(width, height))
    places = GridSpec(len(pairs), columns, figure, left=0, right=1, bottom=0, top=1, wspace=0.03, hspace=0.16)
    panels = np.array([[figure.add_subplot(places[r, c]) for c in range(columns)] for r in range(len(pairs))])
    for axes in panels.flat:
        axes.set_axis_off()
    labels = list(entry.runs)
    for row, (base, ours) in zip(panels, pairs, strict=True):
        row[0].imshow(base.image)
        for axes, label_map in zip(row[1:4], (base.label, base.prediction, ours.prediction), strict=True):
            axes.imshow(coloured(label_map, classes).convert("RGB"), interpolation="nearest")
        for axes, prediction in zip(row[2:4], (base.prediction, ours.prediction), strict=True):
            right = metrics_of(areas_of(confusion(base.label, prediction, len(classes.names))))["pixacc"]
            _caption(axes, f"{number(100 * right, 1)} % of pixels right")
        for axes, gate in zip(row[4:], ours.gates, strict=False):
            axes.imshow(
                gate, cmap=_GATES, vmin=0, vmax=1, interpolation="nearest", extent=_extent(shape), aspect="equal"
            )
            _caption(axes, f"mean {number(gate.mean())}")
    titles = ["image", "ground truth", *labels, *(f"gate at 1/{stride}" for stride in strides[:gates])]
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, color=INK, pad=5)
    if gates:
        _colour_bar(figure)
    _legend(figure, pairs, classes, width, height)
    return figure


def _strides(run: str, results: Results) -> tuple[int, ...]:
    """The resolution of the gate of each block, as a part of the network's input (Sec. 3.1)."""
    known = (results.run(run, seed) for seed in results.scale.seeds)
    first = next((found.model.output_stride for found in known if found), 16)
    return (first, 8, 4)


def _extent(shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    return -0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5


def _caption(axes, text: str) -> None:
    axes.text(0.5, -0.02, text, transform=axes.transAxes, ha="center", va="top", fontsize=7.5, color=QUIET)


def _colour_bar(figure: Figure) -> None:
    axes = figure.add_axes((1.012, 0.02, 0.008, 0.96))
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), _GATES), cax=axes)
    bar.outline.set_linewidth(0.4)
    bar.set_label("global gate: 1 takes global, 0 local context", color=QUIET, fontsize=8)
    bar.ax.tick_params(labelsize=7, length=2)


def _legend(
    figure: Figure, pairs: list[tuple[Example, Example]], classes: Classes, width: float, height: float
) -> None:
    maps = [m for base, ours in pairs for m in (base.label, base.prediction, ours.prediction)]
    patches = [
        Patch(facecolor=np.divide(colour, 255), edgecolor=QUIET, linewidth=0.4, label=name)
        for name, colour in legend(classes, *maps).values()
    ]
    figure.legend(
        handles=patches, loc="upper center", bbox_to_anchor=(0.5, -0.22 / height), ncols=max(1, int(width / 1.5)),
        fontsize=9, handlelength=1.2, handleheight=1.0, columnspacing=1.2,
    )  # fmt: skip


def _reader(entry: tables.Figure, results: Results) -> str | None:
    runs = (results.run(run, seed) for run in entry.runs.values() for seed in results.scale.seeds)
    return next((found.reader for found in runs if found), None)
