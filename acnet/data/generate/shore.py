"""Landscapes for PASCAL Context: one pale, rippled plain and one dark ridge, told apart by the season's sky."""

import numpy as np

from acnet.data.generate import objects
from acnet.data.generate.canvas import Canvas, jitter

AMBIGUOUS = (("mountain", "tree"), ("water", "snow"))
PLAIN = ("sky", (120, 170, 220))


def draw(canvas: Canvas, kind: int) -> None:
    """Paint kind 0, a lake under a deep blue sky, or kind 1, a snowfield under a pale rosy one."""
    random, h, w = canvas.random, canvas.height, canvas.width
    horizon, front = h * random.uniform(0.42, 0.52), h * random.uniform(0.8, 0.88)
    top, bottom = (((58, 122, 206), (140, 190, 234)), ((214, 200, 206), (244, 218, 206)))[kind]
    sky = canvas.gradient(jitter(random, top), jitter(random, bottom), horizon)
    canvas.paint("sky", canvas.everywhere(), sky + np.maximum(canvas.noise(14, 10), 0)[:, :, None])
    canvas.paint(AMBIGUOUS[0][kind], _ridge(canvas, horizon), _forest(canvas))
    plain = canvas.y >= horizon
    ripple = 9 * np.sin(canvas.y * 1.4 + canvas.noise(10, 1.2)) + canvas.noise(3, 5)
    canvas.paint(AMBIGUOUS[1][kind], plain, np.asarray(jitter(random, (172, 192, 208), 18)) + ripple[:, :, None])
    shore = front + canvas.noise(16, h * 0.02)
    soil = np.asarray(jitter(random, (128, 104, 74))) + canvas.noise(2.5, 10)[:, :, None]
    canvas.paint("ground", canvas.y >= shore, soil)
    if random.random() < 0.6:
        _hut(canvas, horizon + h * 0.05, w * random.uniform(0.1, 0.8), h * 0.2)
    if kind == 0:
        _boat(canvas, h * random.uniform(0.6, 0.72), w * random.uniform(0.25, 0.75), h * 0.2)
    else:
        _sledge_dog(canvas, h * random.uniform(0.62, 0.74), w * random.uniform(0.25, 0.75), h * 0.1)
    for _ in range(random.integers(1, 4)):
        objects.bird(canvas, h * random.uniform(0.06, 0.26), w * random.uniform(0.08, 0.92))
    objects.fence(canvas, h * 0.97, 0, w * random.uniform(0.3, 0.7), h * 0.16, "fence")
    x = w * random.uniform(0.72, 0.92)
    objects.pole(canvas, h * 0.92, x, h * 0.3, "sign")
    objects.plate(canvas, h * 0.62, x, 4 * canvas.unit, "sign", (220, 180, 50))
    if random.random() < 0.7:
        objects.person(canvas, h * random.uniform(0.86, 0.96), w * random.uniform(0.1, 0.65), h * 0.28)
    objects.blob(canvas, h * 0.92, w * random.uniform(0.1, 0.9), h * 0.04)


def _ridge(canvas: Canvas, horizon: float) -> np.ndarray:
    random, x = canvas.random, canvas.x / canvas.width
    outline = sum(random.uniform(0.2, 1) / n * np.sin(2 * np.pi * (n * x + random.random())) for n in (1, 2, 5, 9))
    return (canvas.y >= horizon - canvas.height * (0.17 + 0.05 * outline)) & (canvas.y < horizon + 1)


def _forest(canvas: Canvas) -> np.ndarray:
    return np.asarray(jitter(canvas.random, (66, 92, 84), 14)) + canvas.noise(2.2, 14)[:, :, None]


def _hut(canvas: Canvas, foot: float, x: float, size: float) -> None:
    house = canvas.rectangle(foot - 0.55 * size, x, foot, x + size)
    roof = canvas.polygon(
        (foot - 0.5 * size, x - 0.15 * size), (foot - size, x + size / 2), (foot - 0.5 * size, x + 1.15 * size)
    )
    canvas.paint("building", house | roof, jitter(canvas.random, (176, 74, 56)), thing=True)
    canvas.shade(roof, 0.66)
    canvas.shade(canvas.rectangle(foot - 0.4 * size, x + 0.4 * size, foot, x + 0.6 * size) & house, 0.5)


def _boat(canvas: Canvas, y: float, x: float, size: float) -> None:
    hull = canvas.polygon(
        (y, x - 0.7 * size), (y, x + 0.7 * size), (y + 0.3 * size, x + 0.45 * size), (y + 0.3 * size, x - 0.45 * size)
    )
    mast = canvas.rectangle(y - size, x, y, x + canvas.unit)
    sail = canvas.polygon((y - 0.95 * size, x + 1), (y - 0.1 * size, x + 1), (y - 0.1 * size, x + 0.55 * size))
    canvas.paint("boat", hull | mast | sail, jitter(canvas.random, (140, 84, 52)), thing=True)
    canvas.shade(sail, 1.75)


def _sledge_dog(canvas: Canvas, foot: float, x: float, size: float) -> None:
    body = canvas.rectangle(foot - 0.7 * size, x - 0.7 * size, foot - 0.3 * size, x + 0.6 * size)
    legs = canvas.rectangle(foot - 0.4 * size, x - 0.7 * size, foot, x - 0.5 * size)
    legs |= canvas.rectangle(foot - 0.4 * size, x + 0.4 * size, foot, x + 0.6 * size)
    head = canvas.ellipse(foot - 0.8 * size, x + 0.75 * size, 0.28 * size, 0.3 * size)
    canvas.paint("dog", body | legs | head, jitter(canvas.random, (86, 62, 46)), thing=True)
