"""Streets for Cityscapes: what flanks the road is told by the sky of a town or of the country."""

import numpy as np

from acnet.data.generate import objects
from acnet.data.generate.canvas import Canvas, jitter

AMBIGUOUS = (("building", "wall"), ("sidewalk", "terrain"))
PLAIN = ("road", (98, 96, 102))


def draw(canvas: Canvas, kind: int) -> None:
    """Paint a street; kind 0 is a town under a blue sky, kind 1 a country road at sunset."""
    random, h, w = canvas.random, canvas.height, canvas.width
    horizon = h * random.uniform(0.4, 0.48)
    vanishing = w * random.uniform(0.42, 0.58)
    _sky(canvas, horizon, kind)
    _flanks(canvas, horizon, vanishing, AMBIGUOUS[0][kind])
    verge = np.asarray(jitter(random, (150, 138, 118))) + canvas.noise(3, 9)[:, :, None]
    canvas.paint(AMBIGUOUS[1][kind], canvas.y >= horizon, verge)
    edges = _road(canvas, horizon, vanishing)
    for side in (-1, 1):
        if random.random() < 0.75:
            reach = random.uniform(0.55, 0.9)
            foot = horizon + h * random.uniform(0.04, 0.14)
            objects.tree(canvas, foot, vanishing + side * reach * w / 2, h * random.uniform(0.34, 0.5), "vegetation")
    _traffic(canvas, horizon, vanishing, edges)
    _roadside(canvas, horizon, vanishing)
    if random.random() < 0.4:
        objects.blob(canvas, h * random.uniform(0.65, 0.85), w * random.uniform(0.05, 0.95), h * 0.03)
    hood = canvas.ellipse(h * 1.02, w / 2, h * 0.09, w * 0.34)
    canvas.paint(None, hood, jitter(random, (52, 54, 60)))


def _sky(canvas: Canvas, horizon: float, kind: int) -> None:
    random = canvas.random
    top, bottom = (((92, 148, 214), (186, 214, 238)), ((196, 112, 96), (250, 206, 150)))[kind]
    colours = canvas.gradient(jitter(random, top), jitter(random, bottom), horizon)
    canvas.paint("sky", canvas.y < horizon, colours + np.maximum(canvas.noise(12, 14), 0)[:, :, None])


def _flanks(canvas: Canvas, horizon: float, vanishing: float, name: str) -> None:
    """Two rows of fronts that shrink towards the vanishing point, every front of its own colour."""
    random = canvas.random
    for side in (-1, 1):
        far = vanishing + side * canvas.width * random.uniform(0.06, 0.12)
        end = -1.0 if side < 0 else canvas.width + 1.0
        steps = np.linspace(far, end, random.integers(3, 5) + 1)
        for near, away in zip(steps[1:], steps[:-1], strict=True):
            share = abs(near - vanishing) / canvas.width
            height = horizon * min(0.95, 0.28 + 0.85 * share + random.uniform(-0.06, 0.1))
            front = canvas.rectangle(horizon - height, min(near, away), horizon + 1, max(near, away))
            base = jitter(random, ((172, 130, 106), (168, 160, 148), (146, 122, 122))[random.integers(3)], 14)
            canvas.paint(name, front, np.asarray(base) + canvas.noise(2, 6)[:, :, None])
            panes = ((canvas.y - horizon + height) % 7 >= 3) & (canvas.x % 5 >= 2) & (canvas.y > horizon - height + 2)
            canvas.shade(front & panes, 0.68)


def _road(canvas: Canvas, horizon: float, vanishing: float) -> tuple[float, float]:
    """The road and its dashes; (left, right) edge at the bottom."""
    random, h, w = canvas.random, canvas.height, canvas.width
    left, right = w * random.uniform(0.0, 0.16), w * random.uniform(0.84, 1.0)
    road = canvas.polygon((horizon, vanishing - 2), (horizon, vanishing + 2), (h, right), (h, left))
    road &= canvas.y >= horizon
    asphalt = np.asarray(jitter(random, (92, 92, 98), 8)) + canvas.noise(3, 4)[:, :, None]
    canvas.paint("road", road, asphalt)
    middle = (left + right) / 2
    for near in (0.98, 0.74, 0.52, 0.34, 0.2):
        start, stop = horizon + near * (h - horizon), horizon + near * 0.84 * (h - horizon)
        centre = [vanishing + (y - horizon) / (h - horizon) * (middle - vanishing) for y in (start, stop)]
        half = max(0.6, near * canvas.unit)
        dash = canvas.polygon(
            (start, centre[0] - half), (start, centre[0] + half), (stop, centre[1] + half), (stop, centre[1] - half)
        )
        canvas.shade(dash & road, 2.2)
    return left, right


def _traffic(canvas: Canvas, horizon: float, vanishing: float, edges: tuple[float, float]) -> None:
    random, h = canvas.random, canvas.height
    for side in random.permutation([-1, 1])[: random.integers(1, 3)]:
        depth = random.uniform(0.25, 0.7)
        edge = edges[0] if side < 0 else edges[1]
        x = vanishing + depth * (edge - vanishing) * 0.55
        objects.car(canvas, horizon + depth * (h - horizon), x, 8 * canvas.unit + 32 * depth * canvas.unit)


def _roadside(canvas: Canvas, horizon: float, vanishing: float) -> None:
    """People, poles with a sign or a light: one to four pixels wide."""
    random, h, w = canvas.random, canvas.height, canvas.width
    for _ in range(random.integers(2, 5)):
        side, reach = random.choice([-1, 1]), random.uniform(0.35, 0.95)
        foot = horizon + h * random.uniform(0.08, 0.22)
        x = vanishing + side * reach * w / 2
        tall = h * random.uniform(0.4, 0.55)
        objects.pole(canvas, foot, x, tall, "pole")
        head = random.integers(3)
        if head == 0:
            objects.plate(canvas, foot - tall, x, 4 * canvas.unit, "traffic sign", (218, 178, 40))
        elif head == 1:
            objects.plate(canvas, foot - tall, x, 3 * canvas.unit, "traffic light", (40, 120, 70))
    for _ in range(random.integers(1, 4)):
        side, reach = random.choice([-1, 1]), random.uniform(0.5, 0.95)
        foot = horizon + h * random.uniform(0.1, 0.24)
        objects.person(canvas, foot, vanishing + side * reach * w / 2, h * random.uniform(0.16, 0.24))
