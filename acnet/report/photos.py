"""Figures 4 and 5: images with ground truth, predictions and gates."""

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from acnet.data.classes import Classes, class_table
from acnet.data.palette import coloured, legend
from acnet.drawing import INK, QUIET, placeholder
from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import areas_of, metrics_of
from acnet.params import tables
from acnet.report.results import Example, Results
from acnet.report.text import number

_GATES = "cividis"  # its lightness rises evenly, so that it reads in grey
_WIDTH = {"gates": 11.5, "comparison": 8.5}


def photo_figure(entry: tables.Figure, results: Results) -> Figure:
    """Rows of examples: image, ground truth, the two runs' predictions and, for kind `gates`, the second run's gates.

    Shows the examples that both runs have, `entry.examples` at most; a placeholder where there are none.
    """
    runs = list(entry.runs.values())
    examples = {run: results.examples(run) for run in runs}
    missing = [run for run in runs if not examples[run]]
    if missing:
        return placeholder(entry.title, [f"{run} (examples)" for run in missing])
    others = {example.name: example for example in examples[runs[0]]}
    pairs = [(others[ours.name], ours) for ours in examples[runs[1]] if ours.name in others][: entry.examples]
    made = results.first_run(runs[1])
    if not pairs or not made:
        what = "examples that {} share" if made else "params.yaml of {}"
        return placeholder(entry.title, [what.format(" and ".join(runs))])
    # The resolution of each block's gate, as a part of the network's input (Sec. 3.1).
    strides = enumerate((made.model.output_stride, 8, 4), start=1)
    strides = [stride for block, stride in strides if made.model.has_global_context(block)]
    strides = strides[: max(len(ours.gates) for _, ours in pairs)]
    return _draw(
        list(entry.runs), pairs, class_table(made), strides if entry.kind == "gates" else (), _WIDTH[entry.kind]
    )


def _draw(
    labels: list[str], pairs: list[tuple[Example, Example]], classes: Classes, strides: Sequence[int], width: float
) -> Figure:
    columns = 4 + len(strides)
    rows, cols = pairs[0][0].image.shape[:2]
    height = len(pairs) * (width / columns * rows / cols + 0.2)
    figure = Figure(figsize=(width, height))
    room = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0.03, "hspace": 0.16}
    panels = figure.subplots(len(pairs), columns, squeeze=False, gridspec_kw=room)
    for axes in panels.flat:
        axes.set_axis_off()
    for row, (base, ours) in zip(panels, pairs, strict=True):
        row[0].imshow(base.image)
        for axes, label_map in zip(row[1:4], (base.label, base.prediction, ours.prediction), strict=True):
            axes.imshow(coloured(label_map, classes).convert("RGB"), interpolation="nearest")
        for axes, prediction in zip(row[2:4], (base.prediction, ours.prediction), strict=True):
            right = metrics_of(areas_of(confusion(base.label, prediction, len(classes.names))))["pixacc"]
            _caption(axes, f"{number(100 * right, 1)} % of pixels right")
        for axes, gate in zip(row[4:], ours.gates, strict=False):
            extent = (-0.5, base.image.shape[1] - 0.5, base.image.shape[0] - 0.5, -0.5)
            axes.imshow(gate, cmap=_GATES, vmin=0, vmax=1, interpolation="nearest", extent=extent, aspect="equal")
            _caption(axes, f"mean {number(gate.mean())}")
    titles = ["image", "ground truth", *labels, *(f"gate at 1/{stride}" for stride in strides)]
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, color=INK, pad=5)
    if strides:
        bar = figure.colorbar(ScalarMappable(Normalize(0, 1), _GATES), cax=figure.add_axes((1.012, 0.02, 0.008, 0.96)))
        bar.outline.set_linewidth(0.4)
        bar.set_label("global gate: 1 takes global, 0 local context", color=QUIET, fontsize=8)
        bar.ax.tick_params(labelsize=7, length=2)
    maps = [m for base, ours in pairs for m in (base.label, base.prediction, ours.prediction)]
    patches = [
        Patch(facecolor=np.divide(colour, 255), edgecolor=QUIET, linewidth=0.4, label=name)
        for name, colour in legend(classes, *maps).values()
    ]
    figure.legend(
        handles=patches, loc="upper center", bbox_to_anchor=(0.5, -0.22 / height), ncols=max(1, int(width / 1.5)),
        fontsize=9, handlelength=1.2, handleheight=1.0, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _caption(axes, text: str) -> None:
    axes.text(0.5, -0.02, text, transform=axes.transAxes, ha="center", va="top", fontsize=7.5, color=QUIET)
