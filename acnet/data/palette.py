"""The colours of classes and of heat maps, the legend that names them, and sheets of captioned maps."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from acnet.data.classes import IGNORE, Classes

Colour = tuple[int, int, int]
Panel = tuple[str, Image.Image]

INK, QUIET, PAPER = (28, 36, 48), (107, 116, 128), (255, 255, 255)
IGNORED: Colour = (0, 0, 0)
_HEAT = np.array([(0, 32, 76), (124, 123, 120), (255, 233, 69)])  # as in cividis: even in lightness
_SIDES = (300, 520)  # the longer side of a panel, in pixels
_GAP, _TEXT, _SWATCH = 12, 15, 14
_LINE = _SWATCH + 8
_COLUMN = 210  # pixels that a caption needs
_BAR = 120


def coloured(labels: np.ndarray, classes: Classes) -> Image.Image:
    """Class ids (H, W) uint8 as an image with the dataset's palette; ignored pixels are black."""
    made = Image.fromarray(np.ascontiguousarray(labels))
    made.putpalette(classes.palette.tobytes())
    return made


def legend(classes: Classes, *label_maps: np.ndarray) -> dict[int, tuple[str, Colour]]:
    """Name and colour by id of what occurs in `label_maps`, ignored pixels (255) last."""
    seen = np.unique(np.concatenate([np.unique(one) for one in label_maps]))
    found = {int(i): (classes.names[i], tuple(map(int, classes.palette[i]))) for i in seen if i != IGNORE}
    return found | ({IGNORE: ("not labelled", IGNORED)} if IGNORE in seen else {})


def heat(values: np.ndarray) -> Image.Image:
    """Values in [0, 1] (H, W) from dark blue over grey to yellow."""
    colours = [np.interp(values, (0, 0.5, 1), channel) for channel in _HEAT.T]
    return Image.fromarray(np.stack(colours, -1).round().astype(np.uint8))


def sheet(
    panels: Sequence[Panel], legends: Sequence[Sequence[tuple[str, Colour]]], columns: int = 3, heats: str = ""
) -> Image.Image:
    """`panels`, (caption, picture of the image's size), in rows of `columns`, above the legends.

    `legends` are lists of (name, colour), each beginning a line; `heats` says what is drawn by `heat`, and adds its
    scale below.
    """
    longer = max(panels[0][1].size)
    factor = np.clip(longer, *_SIDES) / longer
    width, height = (max(1, round(side * factor)) for side in panels[0][1].size)
    column, row = max(width, _COLUMN) + _GAP, height + _TEXT + 2 * _GAP
    font = ImageFont.load_default(_TEXT)
    full = columns * column + _GAP
    lines = [line for entries in legends for line in _lines(entries, font, full)]
    y = -(-len(panels) // columns) * row + _GAP
    made = Image.new("RGB", (full, y + (len(lines) + bool(heats)) * _LINE + _GAP), PAPER)
    draw = ImageDraw.Draw(made)
    for number, (caption, picture) in enumerate(panels):
        left, top = _GAP + number % columns * column, _GAP + number // columns * row
        draw.text((left, top - 4), caption, INK, font)
        # Enlarged pixels stay pixels: a label map has no colours between its own.
        how = Image.Resampling.NEAREST if picture.width < width else Image.Resampling.LANCZOS
        made.paste(picture.convert("RGB").resize((width, height), how), (left, top + _TEXT + 2))
    for line in lines:
        for x, name, colour in line:
            draw.rectangle((x, y, x + _SWATCH, y + _SWATCH), colour, QUIET)
            draw.text((x + _SWATCH + 6, y - 2), name, INK, font)
        y += _LINE
    if heats:
        x = _GAP + round(font.getlength(f"{heats}:  0")) + 6
        draw.text((_GAP, y - 2), f"{heats}:  0", INK, font)
        made.paste(heat(np.tile(np.linspace(0, 1, _BAR), (_SWATCH, 1))), (x, y))
        draw.text((x + _BAR + 6, y - 2), "1", INK, font)
    return made


def _lines(entries: Sequence[tuple[str, Colour]], font, width: int) -> list[list[tuple[int, str, Colour]]]:
    """(left edge, name, colour) of a legend's entries, in lines that are at most `width` long."""
    lines, x = [[]], _GAP
    for name, colour in entries:
        taken = _SWATCH + 6 + round(font.getlength(name)) + 18
        if lines[-1] and x + taken > width:
            lines.append([])
            x = _GAP
        lines[-1].append((x, name, colour))
        x += taken
    return lines
