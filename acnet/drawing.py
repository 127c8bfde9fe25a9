"""What all charts share: one look, and files whose bytes depend only on the picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from acnet.files import replacing

INK, QUIET, ACCENT, PALE = "#1c2430", "#6b7480", "#1f5a8a", "#c9dcea"
LOOKS = (  # of bars side by side, which a print in grey tells apart too
    {"facecolor": ACCENT, "edgecolor": ACCENT, "hatch": None},
    {"facecolor": PALE, "edgecolor": INK, "hatch": "////"},
    {"facecolor": "white", "edgecolor": INK, "hatch": "...."},
)
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,  # a name may hold $
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.6,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
}


def style():
    """A context in which figures are made and saved."""
    return matplotlib.rc_context(_STYLE)


def save(figure: Figure, folder: Path, name: str, dpi: int = 160) -> list[Path]:
    """Write `folder`/{name}.png and .pdf, without dates or versions; return the paths."""
    paths = []
    for suffix, metadata in (
        ("png", {"Software": None}),
        ("pdf", {"CreationDate": None, "Creator": None, "Producer": None}),
    ):
        path = folder / f"{name}.{suffix}"
        with replacing(path) as temporary:
            figure.savefig(temporary, format=suffix, dpi=dpi, metadata=metadata, bbox_inches="tight", pad_inches=0.12)
        paths.append(path)
    return paths


def placeholder(title: str, missing: Sequence[str]) -> Figure:
    """A figure that says what it needs before it can be drawn."""
    figure = Figure(figsize=(7, 1.6))
    figure.text(0.02, 0.7, title, fontsize=10, fontweight="bold", va="center")
    figure.text(0.02, 0.35, f"not drawn yet; needs: {', '.join(missing)}", color=QUIET, va="center")
    return figure
