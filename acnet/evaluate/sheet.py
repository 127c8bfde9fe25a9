"""Several maps of one image on one sheet, with captions and a legend of the classes."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from acnet.data.classes import VOID, Classes

INK, QUIET, PAPER = (28, 36, 48), (107, 116, 128), (255, 255, 255)
_LOW, _MIDDLE, _HIGH = (0, 32, 76), (124, 123, 120), (255, 233, 69)  # as in cividis: even in lightness
_SIDES = (300, 520)  # the longer side of a panel, in pixels
_GAP, _TEXT = 12, 15
_SWATCH = 14
_COLUMN = 210  # pixels that a caption needs
_BAR = 120

Panel = tuple[str, Image.Image]
Entry = tuple[str, tuple[int, int, int]]


def sheet(
    panels: Sequence[Panel],
    classes: Classes,
    labels: Iterable[np.ndarray],
    columns: int,
    heats: str = "",
    keys: Sequence[Entry] = (),
) -> Image.Image:
    """`panels`, (caption, picture of the image's size), in rows of `columns`, above a legend of the ids in `labels`.

    `keys`, (name, colour), explain colours that are no class's, above the classes; `heats` says what is drawn by
    `heat`, and puts its scale below.
    """
    size = _panel_size(panels[0][1].size)
    font = ImageFont.load_default(_TEXT)
    column = max(size[0], _COLUMN) + _GAP
    width = columns * column + _GAP
    rows = -(-len(panels) // columns)
    lines = _lines(keys, font, width) * bool(keys) + _lines(_entries(classes, labels), font, width)
    top = rows * (size[1] + _TEXT + 2 * _GAP)
    line = _SWATCH + 8
    made = Image.new("RGB", (width, top + (len(lines) + bool(heats)) * line + 2 * _GAP), PAPER)
    draw = ImageDraw.Draw(made)
    for number, (caption, picture) in enumerate(panels):
        x = _GAP + number % columns * column
        y = number // columns * (size[1] + _TEXT + 2 * _GAP) + _GAP
        draw.text((x, y - 4), caption, INK, font)
        # Enlarged pixels stay pixels: a label map has no colours between its own.
        how = Image.Resampling.NEAREST if picture.width < size[0] else Image.Resampling.LANCZOS
        made.paste(picture.convert("RGB").resize(size, how), (x, y + _TEXT + 2))
    for number, entries in enumerate(lines):
        for x, name, colour in entries:
            y = top + _GAP + number * line
            draw.rectangle((x, y, x + _SWATCH, y + _SWATCH), colour, QUIET)
            draw.text((x + _SWATCH + 6, y - 2), name, INK, font)
    if heats:
        y, text = top + _GAP + len(lines) * line, f"{heats}:  0"
        draw.text((_GAP, y - 2), text, INK, font)
        x = _GAP + round(font.getlength(text)) + 6
        made.paste(heat(np.tile(np.linspace(0, 1, _BAR), (_SWATCH, 1))), (x, y))
        draw.text((x + _BAR + 6, y - 2), "1", INK, font)
    return made


def heat(values: np.ndarray) -> Image.Image:
    """Values in [0, 1] (H, W) from dark blue over grey to yellow."""
    share = np.clip(values, 0, 1)[..., None]
    stops = np.array([_LOW, _MIDDLE, _HIGH], np.float64)
    low, high = stops[0] + 2 * share * (stops[1] - stops[0]), stops[1] + (2 * share - 1) * (stops[2] - stops[1])
    return Image.fromarray(np.where(share < 0.5, low, high).round().astype(np.uint8))


def _panel_size(size: tuple[int, int]) -> tuple[int, int]:
    longer = max(size)
    factor = np.clip(longer, *_SIDES) / longer
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _entries(classes: Classes, labels: Iterable[np.ndarray]) -> list[Entry]:
    seen = np.zeros(256, bool)
    for one in labels:
        seen[np.unique(one)] = True
    found = [(name, tuple(map(int, classes.palette[i]))) for i, name in enumerate(classes.names) if seen[i]]
    return [*found, ("not labelled", (0, 0, 0))] if seen[VOID] else found


def _lines(entries: Iterable[Entry], font, width: int) -> list[list[tuple[int, str, tuple[int, int, int]]]]:
    """The legend's entries with their left edges, in lines that fit `width`."""
    lines, x = [[]], _GAP
    for name, colour in entries:
        taken = _SWATCH + 6 + round(font.getlength(name)) + 18
        if lines[-1] and x + taken > width:
            lines.append([])
            x = _GAP
        lines[-1].append((x, name, colour))
        x += taken
    return lines
