"""Pictures of a prepared dataset: an image with its labels, and how frequent its classes are."""

from pathlib import Path

import numpy as np

from acnet.data import classes
from acnet.data.store import MANIFEST, Store
from acnet.errors import AcnetError
from acnet.files import read_json, replacing

_OPAQUE = 0.6
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
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    store = Store(folder, split)
    if not 0 <= index < len(store):
        raise AcnetError(f"{folder}: split '{split}' has images 0 to {len(store) - 1}, not {index}")
    table = classes.load(read_json(folder / MANIFEST)["reader"])
    image = store.image(index)
    shown = [image]
    if store.labelled:
        shown.append(overlay(image, store.label(index), table.palette))
    wide = image.shape[1] / image.shape[0]
    figure = Figure(figsize=(4.5 * wide * len(shown) + 3, 5), layout="constrained")
    for axes, pixels in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        axes.imshow(pixels)
        axes.set_axis_off()
    figure.suptitle(f"{folder.name} {split} {index}: {store.names[index]}")
    if store.labelled:
        counts = np.bincount(store.label(index).ravel(), minlength=256) / store.label(index).size
        present = [i for i in np.argsort(-counts) if counts[i]]
        colours = {i: table.palette[i] / 255 if i != classes.VOID else _VOID_COLOUR for i in present}
        names = {i: table.names[i] if i != classes.VOID else "void" for i in present}
        handles = [Patch(color=colours[i], label=f"{names[i]} {100 * counts[i]:.1f} %") for i in present]
        figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
    _save(figure, out)


def stats(folder: Path, out: Path) -> None:
    """Draw the share of each class in each labelled split of a prepared dataset to `out`, the most frequent on top.

    Classes that never occur are only counted.
    """
    from matplotlib.figure import Figure

    manifest = folder / MANIFEST
    if not manifest.exists():
        raise AcnetError(f"{manifest}: not there; prepare the dataset first (acnet data prepare {folder.name})")
    content = read_json(manifest)
    splits = sorted(content["splits"], key=("train", "val", "test").index)
    found = {s: content["splits"][s]["histogram"] for s in splits if "histogram" in content["splits"][s]}
    names = content["classes"]
    shares = {s: np.array([h[n] for n in names]) / max(1, sum(h.values())) for s, h in found.items()}
    order = [i for i in np.argsort(next(iter(shares.values())), kind="stable") if any(s[i] for s in shares.values())]
    figure = Figure(figsize=(8, 1.5 + 0.19 * len(order) * max(1, len(shares) / 2)), layout="constrained")
    axes = figure.subplots()
    thick = 0.8 / len(shares)
    for number, (split, share) in enumerate(shares.items()):
        places = np.arange(len(order)) + 0.4 - thick * (number + 0.5)
        axes.barh(places, 100 * share[order], thick, label=f"{split}, {content['splits'][split]['images']} images")
    axes.set_yticks(np.arange(len(order)), [names[i] for i in order], fontsize=7)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    absent = len(names) - len(order)
    axes.set_xlabel("% of labelled pixels" + (f"; {absent} of {len(names)} classes never occur" if absent else ""))
    axes.legend(loc="lower right")
    axes.set_title(content["title"])
    _save(figure, out)


def _save(figure, out: Path) -> None:
    if out.suffix.lower() not in (".png", ".pdf", ".svg", ".jpg"):
        raise AcnetError(f"{out}: a picture is .png, .jpg, .pdf or .svg")
    with replacing(out) as temporary:
        figure.savefig(temporary, format=out.suffix[1:].lower(), dpi=120)
