"""The gates of every adaptive run: the figure `gates_runs`, and all their numbers as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.figure import Figure

from acnet.report.drawing import INK, QUIET, placeholder
from acnet.report.results import Results
from acnet.report.text import plain

TITLE = "Gates of every adaptive network, beyond shuffled ones"
LOOKS = ({"marker": "o", "color": "#1f5a8a"}, {"marker": "s", "color": "#7a6aa6"}, {"marker": "^", "color": "#b06a2c"})
_CONTRASTS = {"large_minus_small": "large less small segments", "far_minus_near": "far from label edges less near"}
_PARTS = ("classes", "segments", "distances")
_FIELDS = (
    "run", "seed", "dataset", "block", "stride", "alpha", "beta",
    "part", "group", "pixels", "gate", "shuffled", "low", "high",
)  # fmt: skip


def measured(runs: Sequence[str], results: Results) -> dict[tuple[str, int], dict[str, Any]]:
    """What was measured of the gates, by run and seed, in the order of `runs`."""
    found = {(run, seed): results.gates_of(run, seed) for run in runs for seed in results.scale.seeds}
    return {key: gates for key, gates in found.items() if gates}


def gates_csv(found: dict[tuple[str, int], dict[str, Any]]) -> str:
    """A row for each class, size of segment, distance and contrast of each block.

    Gates are fractions, beside the block's learned factors.
    `low` and `high` are the interval of a contrast: of the gate's less the shuffled gate's, by resampling the images.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, _FIELDS, lineterminator="\n", restval="")
    writer.writeheader()
    for (run, seed), gates in found.items():
        for number, block in enumerate(gates["blocks"], 1):
            about = {"run": run, "seed": seed, "dataset": gates["dataset"], "block": number, "stride": block["stride"]}
            about |= {factor: plain(block[factor]) for factor in ("alpha", "beta")}
            writer.writerows({**about, **row} for row in _rows(block))
    return text.getvalue()


def gates_runs_figure(found: dict[tuple[str, int], dict[str, Any]]) -> Figure:
    """Two panels of contrasts: the gate's less the shuffled gate's of each block of each run, with its interval.

    With several seeds the first one that is measured.
    """
    first = {}
    for (run, _), gates in found.items():
        first.setdefault(run, gates)
    if not first:
        return placeholder(TITLE, ["no adaptive network"])
    figure = Figure(figsize=(8.5, 0.9 + 0.33 * len(first)))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (name, label) in zip(panels, _CONTRASTS.items(), strict=True):
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, gates in enumerate(first.values()):
            for number, block in enumerate(gates["blocks"]):
                offset = (number - (len(gates["blocks"]) - 1) / 2) * 0.24
                _contrast(axes, block["contrasts"][name], place + offset, LOOKS[number])
        axes.set_xlabel(f"{label}\n(hundredths of the gate)")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=QUIET, alpha=0.2, linewidth=0.5)
        for line in range(len(first) - 1):
            axes.axhline(line + 0.5, color=QUIET, alpha=0.15, linewidth=0.5)
    panels[0].set_yticks(range(len(first)), list(first))
    panels[0].set_ylim(len(first) - 0.5, -0.5)
    blocks = max(len(gates["blocks"]) for gates in first.values())
    handles = [
        panels[0].plot([], [], linestyle="none", markersize=5, label=f"block {i + 1}", **look)[0]
        for i, look in enumerate(LOOKS[:blocks])
    ]
    figure.subplots_adjust(wspace=0.06)
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.885), ncols=blocks, fontsize=8)
    return figure


def _rows(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in _PARTS:
        for name, group in block[part].items():
            numbers = {"gate": plain(group["mean"]), "shuffled": plain(group["shuffled"])}
            yield {"part": part, "group": name, "pixels": group["pixels"], **numbers}
    for name, contrast in block["contrasts"].items():
        low, high = contrast["interval"] or (None, None)
        numbers = {"gate": contrast["gate"], "shuffled": contrast["shuffled"], "low": low, "high": high}
        yield {"part": "contrasts", "group": name, **{key: plain(value) for key, value in numbers.items()}}


def _contrast(axes, contrast: dict[str, Any], height: float, look: dict[str, str]) -> None:
    if None in (contrast["gate"], contrast["shuffled"], contrast["interval"]):
        return
    value = 100 * (contrast["gate"] - contrast["shuffled"])
    low, high = (100 * end for end in contrast["interval"])
    axes.plot([low, high], [height, height], color=look["color"], linewidth=1.1, solid_capstyle="butt")
    axes.plot([value], [height], linestyle="none", markersize=4, **look)
