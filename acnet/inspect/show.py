"""Pictures of a prepared dataset: an image with its labels, and how frequent its classes are."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.store import MANIFEST, Store
from acnet.errors import AcnetError
from acnet.files import read_json, replacing

_OPAQUE = 0.6
_WIDTH = 8.5  # inches
_VOID_COLOUR = (0, 0, 0)


def overlay(image: np.ndarray, label: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The image (H, W, 3) uint8 under the colours of its label (H, W); void is darkened."""
    colours = np.full((256, 3), _VOID_COLOUR, np.float32)
    colours[: len(palette)] = palette
    mixed = (1 - _OPAQUE) * image + _OPAQUE * colours[label]
    return mixed.round().astype(np.uint8)


def show(folder: Path, split: str, index: int, out: Path) -> None:
    """Write image `index` of a prepared split, and beside it with its labels overlaid and named by share, to `out`.

    Raises AcnetError for an index beyond the split; a split without labels shows its image alone.
    """
    from acnet.report.drawing import style

    store = Store(folder, split)
    if not 0 <= index < len(store):
        raise AcnetError(f"{folder}: split '{split}' has images 0 to {len(store) - 1}, not {index}")
    table = classes.load(read_json(folder / MANIFEST)["reader"])
    image = store.image(index)
    shown = [image]
    if store.labelled:
        shown.append(overlay(image, store.label(index), table.palette))
    with style():
        figure = _pictures(shown, f"{folder.name}, {split} {index}: {store.names[index]}")
        if store.labelled:
            _legend(figure, store.label(index), table)
        _save(figure, out)


def _pictures(shown: list[np.ndarray], title: str):
    """Images of one size side by side below a title."""
    from matplotlib.figure import Figure

    from acnet.report.drawing import INK

    height, width = shown[0].shape[:2]
    each = _WIDTH / 2 * min(1, width / height)
    figure = Figure(figsize=(each * len(shown), each * height / width))
    room = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0.03}
    panels = np.atleast_1d(figure.subplots(1, len(shown), gridspec_kw=room))
    for axes, pixels in zip(panels, shown, strict=True):
        axes.imshow(pixels)
        axes.set_axis_off()
    panels[0].set_title(title, color=INK, loc="left", pad=6)
    return figure


def _legend(figure, label: np.ndarray, table: classes.Classes) -> None:
    """The classes that occur in `label` with their share of its pixels, the most frequent first, below the figure."""
    from matplotlib.patches import Patch

    from acnet.report.drawing import QUIET

    counts = np.bincount(label.ravel(), minlength=256) / label.size
    present = [i for i in np.argsort(-counts) if counts[i]]
    handles = [
        Patch(
            facecolor=_VOID_COLOUR if i == classes.VOID else table.palette[i] / 255, edgecolor=QUIET, linewidth=0.4,
            label=f"{'not labelled' if i == classes.VOID else table.names[i]} {100 * counts[i]:.1f} %",
        )
        for i in present
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.1 / figure.get_figheight()), ncols=5, fontsize=8,
        handlelength=1.2, handleheight=1.0, columnspacing=1.2,
    )  # fmt: skip


def stats(folder: Path, out: Path) -> None:
    """Draw the share of each class in each labelled split of a prepared dataset to `out`, the most frequent on top.

    Classes that never occur are only counted.
    """
    from acnet.report.drawing import style

    manifest = folder / MANIFEST
    if not manifest.exists():
        raise AcnetError(f"{manifest}: not there; prepare the dataset first (acnet data prepare {folder.name})")
    content = read_json(manifest)
    splits = sorted(content["splits"], key=("train", "val", "test").index)
    found = {s: content["splits"][s]["histogram"] for s in splits if "histogram" in content["splits"][s]}
    names = content["classes"]
    shares = {s: np.array([h[n] for n in names]) / max(1, sum(h.values())) for s, h in found.items()}
    order = [i for i in np.argsort(next(iter(shares.values())), kind="stable") if any(s[i] for s in shares.values())]
    bars = {
        f"{split}, {content['splits'][split]['images']} images": 100 * share[order] for split, share in shares.items()
    }
    absent = len(names) - len(order)
    unit = "% of labelled pixels" + (f"; {absent} of {len(names)} classes never occur" if absent else "")
    with style():
        _save(_bars(content["title"], [names[i] for i in order], bars, unit), out)


def _bars(title: str, names: list[str], bars: dict[str, np.ndarray], unit: str):
    """A bar for each of `names`, the last on top, of each entry of `bars`; the axis is logarithmic."""
    from matplotlib.figure import Figure

    from acnet.report.drawing import INK, LOOKS, QUIET

    figure = Figure(figsize=(_WIDTH, 1.1 + 0.2 * len(names) * max(1, len(bars) / 2)))
    axes = figure.subplots()
    thick = 0.8 / len(bars)
    for number, (label, share) in enumerate(bars.items()):
        places = np.arange(len(names)) + 0.4 - thick * (number + 0.5)
        axes.barh(places, share, thick * 0.92, label=label, linewidth=0.7, **LOOKS[number % len(LOOKS)])
    axes.set_yticks(np.arange(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", color=QUIET, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(unit)
    axes.set_title(title, color=INK, loc="left", pad=26)
    figure.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(bars), bbox_transform=axes.transAxes, fontsize=8)
    return figure


def _save(figure, out: Path) -> None:
    if out.suffix.lower() not in (".png", ".pdf", ".svg", ".jpg"):
        raise AcnetError(f"{out}: a picture is .png, .jpg, .pdf or .svg")
    with replacing(out) as temporary:
        figure.savefig(temporary, format=out.suffix[1:].lower(), dpi=160, bbox_inches="tight", pad_inches=0.12)
