"""Pictures of a prepared dataset: an image with its labels, and how frequent its classes are."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from acnet.data import classes
from acnet.data.palette import coloured, legend, sheet
from acnet.data.store import Store, read_manifest
from acnet.errors import AcnetError
from acnet.files import replacing

_OPAQUE = 0.6
_WIDTH = 8.5  # inches
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".pdf": "PDF"}


def show(folder: Path, table: classes.Classes, split: str, index: int, out: Path) -> None:
    """Write image `index` of a prepared split, and beside it with its labels overlaid and named by share, to `out`.

    Raises AcnetError for an index beyond the split, and if the dataset was prepared with more or fewer classes; a
    split without labels shows its image alone.
    """
    _check_classes(folder, table)
    store = Store(folder, split)
    if not 0 <= index < len(store):
        raise AcnetError(f"{folder}: split '{split}' has images 0 to {len(store) - 1}, not {index}")
    image, entries = Image.fromarray(store.image(index)), []
    panels = [(f"{folder.name}, {split} {index}: {store.names[index]}", image)]
    if store.labelled:
        label = store.label(index)
        panels.append(("labels", Image.blend(image, coloured(label, table).convert("RGB"), _OPAQUE)))
        shares = 100 * np.bincount(label.ravel(), minlength=256) / label.size
        named = sorted(legend(table, label).items(), key=lambda entry: -shares[entry[0]])
        entries = [(f"{name} {shares[i]:.1f} %", colour) for i, (name, colour) in named]
    _check_suffix(out, _FORMATS)
    with replacing(out) as temporary:
        sheet(panels, [entries], columns=len(panels)).save(temporary, _FORMATS[out.suffix.lower()])


def stats(folder: Path, table: classes.Classes, out: Path) -> None:
    """Draw the share of each class in each labelled split of a prepared dataset to `out`, the most frequent on top.

    The axis is logarithmic. Classes that never occur are only counted. AcnetError as `show`.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    from acnet.drawing import INK, LOOKS, QUIET, style

    _check_classes(folder, table)
    manifest = read_manifest(folder)
    names, splits = table.names, manifest["splits"]
    shares = {}
    for split in sorted((s for s in splits if "histogram" in splits[s]), key=("train", "val", "test").index):
        counts = np.array([*splits[split]["histogram"].values()])
        shares[f"{split}, {splits[split]['images']} images"] = 100 * counts / max(1, counts.sum())
    order = [i for i in np.argsort(next(iter(shares.values())), kind="stable") if any(s[i] for s in shares.values())]
    never = len(names) - len(order)
    thick = 0.8 / len(shares)
    with style():
        figure = Figure(figsize=(_WIDTH, 1.1 + 0.2 * len(order) * max(1, len(shares) / 2)))
        axes = figure.subplots()
        for number, (label, share) in enumerate(shares.items()):
            places = np.arange(len(order)) + 0.4 - thick * (number + 0.5)
            look = LOOKS[number % len(LOOKS)]
            axes.barh(places, share[order], thick * 0.92, label=label, linewidth=0.7, **look)
        axes.set_yticks(np.arange(len(order)), [names[i] for i in order])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.6, len(order) - 0.4)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(LogFormatter())  # matplotlib's own choice is in mathtext
        axes.grid(axis="x", color=QUIET, alpha=0.25, linewidth=0.5)
        axes.set_axisbelow(True)
        never_occur = f"; {never} of {len(names)} classes never occur" if never else ""
        axes.set_xlabel(f"% of labelled pixels{never_occur}")
        axes.set_title(manifest["title"], color=INK, loc="left", pad=26)
        corner = {"bbox_to_anchor": (0, 1.0), "bbox_transform": axes.transAxes}
        figure.legend(loc="lower left", ncols=len(shares), fontsize=8, **corner)
        _save(figure, out)


def _check_classes(folder: Path, table: classes.Classes) -> None:
    """A class may have been renamed since, not added or removed."""
    if (prepared := len(read_manifest(folder)["classes"])) != len(table.names):
        raise AcnetError(
            f"{folder}: prepared with {prepared} classes, its entry in datasets.yaml has {len(table.names)}; "
            "prepare the data again"
        )


def _save(figure, out: Path) -> None:
    _check_suffix(out, (*_FORMATS, ".svg"))
    with replacing(out) as temporary:
        figure.savefig(temporary, format=out.suffix[1:].lower(), dpi=160, bbox_inches="tight", pad_inches=0.12)


def _check_suffix(out: Path, known: Iterable[str]) -> None:
    if out.suffix.lower() not in known:
        raise AcnetError(f"{out}: a picture is {', '.join(known)}")
