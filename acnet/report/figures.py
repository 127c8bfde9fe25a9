"""Figures 1, 4 and 5 as PNG and PDF."""

from pathlib import Path

from acnet.params.tables import load_tables
from acnet.report.class_gains import class_gains_figure
from acnet.report.drawing import save, style
from acnet.report.photos import photo_figure
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo


def write_figure(
    name: str, scale: ScaleInfo, *, params_root: str | Path, results_root: str | Path, out_root: str | Path
) -> list[Path]:
    """Write out_root/{scale}/figures/{name}.png and .pdf and return the paths; equal inputs give equal bytes.

    A figure whose runs are missing says so. Raises AcnetError for a figure the scale lacks and for broken inputs.
    """
    scale.require(name)
    entry = load_tables(params_root).figure(name)
    draw = class_gains_figure if entry.kind == "class_gains" else photo_figure
    with style():
        return save(draw(entry, Results(scale, results_root)), Path(out_root) / scale.name / "figures", name)
