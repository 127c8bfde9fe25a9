"""Rooms and squares for ADE20K: the same plaster and the same slabs, told apart by ceiling or sky."""

import numpy as np

from acnet.data.generate import objects
from acnet.data.generate.canvas import Canvas, jitter

AMBIGUOUS = (("wall", "building"), ("floor", "earth"))
PLAIN = ("sky", (120, 170, 220))


def draw(canvas: Canvas, kind: int) -> None:
    """Paint kind 0, a room under its ceiling, or kind 1, a square under the sky."""
    random, h, w = canvas.random, canvas.height, canvas.width
    top, foot = h * random.uniform(0.2, 0.28), h * random.uniform(0.64, 0.72)
    _above(canvas, top, kind)
    plaster = np.asarray(jitter(random, (186, 168, 144), 20)) + canvas.noise(4, 6)[:, :, None]
    canvas.paint(AMBIGUOUS[0][kind], (canvas.y >= top) & (canvas.y < foot), plaster)
    canvas.shade((canvas.y >= top) & (canvas.y < foot) & (canvas.y.astype(int) % 9 == 0), 0.9)
    slabs = np.asarray(jitter(random, (138, 112, 90), 16)) + canvas.noise(3, 7)[:, :, None]
    ground = canvas.y >= foot
    canvas.paint(AMBIGUOUS[1][kind], ground, slabs)
    joints = ((canvas.x - w / 2) / (canvas.y - foot + h * 0.25) * 40).astype(int) % 8 == 0
    canvas.shade(ground & joints, 0.84)
    _openings(canvas, top, foot)
    (_furniture, _square)[kind](canvas, top, foot)
    if random.random() < 0.7:
        objects.person(canvas, foot + h * random.uniform(0.04, 0.2), w * random.uniform(0.1, 0.9), h * 0.34)
    objects.blob(canvas, h * random.uniform(0.78, 0.92), w * random.uniform(0.1, 0.9), h * 0.05)


def _above(canvas: Canvas, top: float, kind: int) -> None:
    random = canvas.random
    if kind == 0:
        canvas.paint("ceiling", canvas.y < top, canvas.gradient((214, 204, 184), (240, 232, 214), top))
        return
    sky = canvas.gradient(jitter(random, (104, 158, 218)), jitter(random, (176, 208, 236)), top)
    canvas.paint("sky", canvas.y < top, sky + np.maximum(canvas.noise(12, 12), 0)[:, :, None])


def _openings(canvas: Canvas, top: float, foot: float) -> None:
    """A door and windows, as rooms and houses have them alike."""
    random, w = canvas.random, canvas.width
    left = w * random.uniform(0.05, 0.3)
    tall = foot - top
    canvas.paint("door", canvas.rectangle(foot - 0.62 * tall, left, foot, left + 0.2 * tall), (112, 66, 44), thing=True)
    for x in (random.uniform(0.45, 0.6), random.uniform(0.75, 0.88)):
        y = top + tall * 0.18
        pane = canvas.rectangle(y, w * x, y + 0.4 * tall, w * x + 0.34 * tall)
        canvas.paint("windowpane", pane, jitter(random, (86, 112, 142)), thing=True)
        canvas.shade(pane & canvas.rectangle(y, w * x + 0.16 * tall, y + 0.4 * tall, w * x + 0.16 * tall + 1), 1.9)
        canvas.shade(pane & canvas.rectangle(y + 0.19 * tall, 0, y + 0.19 * tall + 1, w), 1.9)


def _furniture(canvas: Canvas, top: float, foot: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    left = w * random.uniform(0.28, 0.45)
    base, wide = foot + h * 0.16, w * 0.4
    bed = canvas.rectangle(base - 0.16 * h, left, base, left + wide)
    bed |= canvas.rectangle(base - 0.26 * h, left + wide - 2 * canvas.unit, base, left + wide)
    canvas.paint("bed", bed, jitter(random, (146, 62, 82), 18), thing=True)
    pillow = canvas.ellipse(base - 0.16 * h, left + 0.82 * wide, 0.04 * h, 0.12 * wide)
    canvas.paint("pillow", pillow, (232, 226, 216), thing=True)
    for x in random.uniform(0.08, 0.95, random.integers(1, 3)) * w:  # a lamp's stand is one unit wide
        objects.pole(canvas, foot + h * 0.1, x, h * 0.36, "lamp", (62, 54, 50))
        shade = canvas.polygon(
            (foot - 0.3 * h, x - 2), (foot - 0.3 * h, x + 2), (foot - 0.2 * h, x + 4), (foot - 0.2 * h, x - 4)
        )
        canvas.paint("lamp", shade, (246, 214, 128), thing=True)
    y, x = top + 0.08 * h, w * random.uniform(0.36, 0.42)
    canvas.paint(
        "painting", canvas.rectangle(y, x, y + 0.14 * h, x + 0.1 * w), jitter(random, (70, 120, 110), 40), thing=True
    )


def _square(canvas: Canvas, top: float, foot: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    for x in random.uniform(0.08, 0.92, random.integers(1, 3)) * w:
        objects.tree(canvas, foot + h * random.uniform(0.0, 0.08), x, h * random.uniform(0.4, 0.6))
    if random.random() < 0.7:
        objects.car(canvas, foot + h * random.uniform(0.1, 0.22), w * random.uniform(0.3, 0.7), 0.3 * w)
    for x in random.uniform(0.06, 0.94, random.integers(1, 3)) * w:
        objects.pole(canvas, foot + h * 0.1, x, h * 0.55, "streetlight", (58, 62, 66))
        objects.plate(canvas, foot - 0.45 * h, x + canvas.unit, 3 * canvas.unit, "streetlight", (240, 226, 170))
    y, x = top + 0.3 * (foot - top), w * random.uniform(0.36, 0.42)
    objects.plate(canvas, y, x, 5 * canvas.unit, "signboard", (200, 60, 50))
