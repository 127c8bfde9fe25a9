"""Beaches and savannas for COCO-Stuff: the sand of one looks like the dirt of the other; the strip behind tells."""

import numpy as np

from acnet.data.generate import objects
from acnet.data.generate.canvas import Canvas, jitter

AMBIGUOUS = (("sand", "dirt"), ("clouds", "fog"))
PLAIN = ("grass", (120, 150, 62))


def draw(canvas: Canvas, kind: int) -> None:
    """Paint kind 0, a beach with the sea behind, or kind 1, a savanna with grass behind."""
    random, h, w = canvas.random, canvas.height, canvas.width
    horizon, near = h * random.uniform(0.4, 0.46), h * random.uniform(0.56, 0.64)
    sky = canvas.gradient(jitter(random, (118, 168, 218)), jitter(random, (190, 214, 232)), horizon)
    canvas.paint("sky-other", canvas.everywhere(), sky)
    white = np.asarray(jitter(random, (226, 228, 232), 8)) + canvas.noise(3, 4)[:, :, None]
    bank = canvas.noise(13, 1.0) + 1.2 * np.sin(np.pi * np.clip(canvas.y / horizon, 0, 1)) > random.uniform(0.5, 0.8)
    canvas.paint(AMBIGUOUS[1][kind], bank & (canvas.y < horizon), white)
    name, colour = (("sea", (44, 132, 158)), ("grass", (132, 150, 62)))[kind]
    strip = np.asarray(jitter(random, colour)) + (7 * np.sin(canvas.y * 2) + canvas.noise(3, 6))[:, :, None]
    canvas.paint(name, canvas.y >= horizon, strip)
    edge = near + canvas.noise(20, h * 0.015)
    grains = np.asarray(jitter(random, (206, 176, 126), 18)) + canvas.noise(2, 8)[:, :, None]
    canvas.paint(AMBIGUOUS[0][kind], canvas.y >= edge, grains)
    (_beach, _savanna)[kind](canvas, horizon, near)
    for _ in range(random.integers(1, 3)):
        objects.bird(canvas, h * random.uniform(0.08, 0.3), w * random.uniform(0.08, 0.92))
    if random.random() < 0.6:
        stone = canvas.ellipse(h * random.uniform(0.8, 0.92), w * random.uniform(0.1, 0.9), h * 0.05, h * 0.08)
        canvas.paint("rock", stone, np.asarray(jitter(random, (112, 108, 104))) + canvas.noise(2, 8)[:, :, None])
    objects.blob(canvas, h * random.uniform(0.8, 0.95), w * random.uniform(0.1, 0.9), h * 0.05)


def _beach(canvas: Canvas, horizon: float, near: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    _kite(canvas, w * random.uniform(0.2, 0.8))
    x, foot, size = w * random.uniform(0.15, 0.45), near + 0.22 * h, 0.36 * h
    stick = canvas.rectangle(foot - size, x, foot, x + canvas.unit)
    shade = canvas.ellipse(foot - 0.8 * size, x, 0.3 * size, 0.52 * size) & (canvas.y < foot - 0.75 * size)
    canvas.paint("umbrella", stick | shade, jitter(random, (206, 60, 70)), thing=True)
    canvas.shade(shade & ((canvas.x - x).astype(int) // max(2, round(size / 6)) % 2 == 0), 1.25)
    x = w * random.uniform(0.6, 0.9)
    objects.person(canvas, near + h * random.uniform(0.12, 0.26), x, h * 0.3)
    board = canvas.ellipse(near + 0.12 * h, x + 0.09 * h, 0.17 * h, 1.6 * canvas.unit)
    canvas.paint("surfboard", board, jitter(random, (240, 200, 70)), thing=True)


def _kite(canvas: Canvas, x: float) -> None:
    """A kite of a few pixels on a string one pixel wide."""
    y, unit = canvas.height * canvas.random.uniform(0.08, 0.2), canvas.unit
    string = canvas.line(y, x, canvas.height * 0.5, x + canvas.width * 0.16, unit)
    body = canvas.polygon((y - 3 * unit, x), (y, x + 2 * unit), (y + 3 * unit, x), (y, x - 2 * unit))
    canvas.paint("kite", string | body, jitter(canvas.random, (196, 52, 120)), thing=True)


def _savanna(canvas: Canvas, horizon: float, near: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    for x in random.uniform(0.1, 0.9, random.integers(1, 3)) * w:
        objects.tree(canvas, horizon + 0.08 * h, x, h * random.uniform(0.26, 0.36))
    _giraffe(canvas, near + h * random.uniform(0.1, 0.2), w * random.uniform(0.15, 0.5), 0.48 * h)
    _zebra(canvas, near + h * random.uniform(0.18, 0.3), w * random.uniform(0.6, 0.85), 0.2 * h)
    objects.fence(canvas, near + 0.04 * h, w * random.uniform(0.3, 0.5), w, 0.1 * h, "fence")


def _giraffe(canvas: Canvas, foot: float, x: float, size: float) -> None:
    unit = canvas.unit
    body = canvas.rectangle(foot - 0.55 * size, x, foot - 0.32 * size, x + 0.4 * size)
    legs = [
        canvas.rectangle(foot - 0.4 * size, x + p * size, foot, x + p * size + unit) for p in (0.01, 0.1, 0.3, 0.37)
    ]
    neck = canvas.line(foot - 0.5 * size, x + 0.38 * size, foot - 0.95 * size, x + 0.52 * size, 2 * unit)
    head = canvas.ellipse(foot - 0.96 * size, x + 0.57 * size, 0.05 * size, 0.09 * size)
    whole = np.logical_or.reduce([body, neck, head, *legs])
    canvas.paint("giraffe", whole, jitter(canvas.random, (214, 162, 76), 8), thing=True)
    canvas.shade(whole & (canvas.noise(2, 1.0) > 0.3), 0.6)


def _zebra(canvas: Canvas, foot: float, x: float, size: float) -> None:
    body = canvas.ellipse(foot - 0.6 * size, x, 0.28 * size, 0.6 * size)
    legs = [
        canvas.rectangle(foot - 0.5 * size, x + p * size, foot, x + p * size + canvas.unit)
        for p in (-0.45, -0.3, 0.25, 0.4)
    ]
    neck = canvas.polygon(
        (foot - 0.55 * size, x + 0.35 * size),
        (foot - 1.1 * size, x + 0.65 * size),
        (foot - 1.0 * size, x + 0.9 * size),
        (foot - 0.5 * size, x + 0.6 * size),
    )
    whole = np.logical_or.reduce([body, neck, *legs])
    canvas.paint("zebra", whole, (236, 234, 228), thing=True)
    canvas.shade(whole & (canvas.x.astype(int) // canvas.unit % 3 == 0), 0.2)
