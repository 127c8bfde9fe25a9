"""The scenes of a generated dataset, one after another, without any file.

In each style two kinds of scene show the same ambiguous stuff, such as plaster that is a wall below a ceiling and a
building below the sky: a few pixels do not tell which, the rest of the image does.
"""

import dataclasses
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from acnet.data import classes
from acnet.data.generate.canvas import Canvas, Colour, Scene, bird, blob, car, fence, person, plate, pole, tree

_GREY, _PLAIN = 2, 3  # the images of a split that are greyscale and of one class


@dataclasses.dataclass(frozen=True)
class Style:
    """`draw` paints a scene of kind 0 or 1, in which `ambiguous` classes are the first or the second of each pair.

    `plain` is the class and colour of an image of one class.
    """

    draw: Callable[[Canvas, int], None]
    ambiguous: tuple[tuple[str, str], ...]
    plain: tuple[str, Colour]


def scenes(reader: str, seed: int, split: str, count: int, size: tuple[int, int]) -> Iterator[Scene]:
    """`count` scenes of a split, of alternating kinds; equal arguments give equal scenes.

    `size` is (height, width), which all but Cityscapes vary. The third image is greyscale (not in Cityscapes),
    the fourth shows one class only.
    """
    style, names, varied = STYLES[reader], classes.load(reader).names, reader != "cityscapes"
    for number in range(count):
        key = (zlib.crc32(reader.encode()), zlib.crc32(split.encode()), number)
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        height, width = (round(side * generator.uniform(0.85, 1.2)) for side in size) if varied else size
        canvas = Canvas(height, width, generator)
        if number == _PLAIN:
            name, colour = style.plain
            canvas.paint(name, canvas.y >= 0, canvas.texture(colour, 12, 6, 6))
        else:
            style.draw(canvas, number % 2)
        scene = canvas.finish(number % 2, names)
        if number == _GREY and varied:
            grey = (scene.image @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
            scene = dataclasses.replace(scene, image=np.repeat(grey[:, :, None], 3, axis=2))
        yield scene


def _street(canvas: Canvas, kind: int) -> None:
    """Streets for Cityscapes: a town under a blue sky, or a country road at sunset."""
    random, h, w = canvas.random, canvas.height, canvas.width
    horizon = h * random.uniform(0.4, 0.48)
    vanishing = w * random.uniform(0.42, 0.58)
    colours = (((92, 148, 214), (186, 214, 238)), ((196, 112, 96), (250, 206, 150)))[kind]
    canvas.paint("sky", canvas.y < horizon, canvas.sky(colours, horizon, 12, 14))
    _street_fronts(canvas, horizon, vanishing, ("building", "wall")[kind])
    canvas.paint(("sidewalk", "terrain")[kind], canvas.y >= horizon, canvas.texture((150, 138, 118), 12, 3, 9))
    edges = _road(canvas, horizon, vanishing)
    for side in (-1, 1):
        if random.random() < 0.75:
            reach = random.uniform(0.55, 0.9)
            foot = horizon + h * random.uniform(0.04, 0.14)
            tree(canvas, foot, vanishing + side * reach * w / 2, h * random.uniform(0.34, 0.5), "vegetation")
    for side in random.permutation([-1, 1])[: random.integers(1, 3)]:
        depth = random.uniform(0.25, 0.7)
        x = vanishing + depth * (edges[0 if side < 0 else 1] - vanishing) * 0.55
        car(canvas, horizon + depth * (h - horizon), x, 8 * canvas.unit + 32 * depth * canvas.unit)
    _roadside(canvas, horizon, vanishing)
    if random.random() < 0.4:
        blob(canvas, h * random.uniform(0.65, 0.85), w * random.uniform(0.05, 0.95), h * 0.03)
    hood = canvas.ellipse(h * 1.02, w / 2, h * 0.09, w * 0.34)
    canvas.paint(None, hood, canvas.jitter((52, 54, 60)))


def _street_fronts(canvas: Canvas, horizon: float, vanishing: float, name: str) -> None:
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
            colour = ((172, 130, 106), (168, 160, 148), (146, 122, 122))[random.integers(3)]
            canvas.paint(name, front, canvas.texture(colour, 14, 2, 6))
            panes = ((canvas.y - horizon + height) % 7 >= 3) & (canvas.x % 5 >= 2) & (canvas.y > horizon - height + 2)
            canvas.shade(front & panes, 0.68)


def _road(canvas: Canvas, horizon: float, vanishing: float) -> tuple[float, float]:
    """The road and its dashes; (left, right) edge at the bottom."""
    random, h, w = canvas.random, canvas.height, canvas.width
    left, right = w * random.uniform(0.0, 0.16), w * random.uniform(0.84, 1.0)
    road = canvas.polygon((horizon, vanishing - 2), (horizon, vanishing + 2), (h, right), (h, left))
    road &= canvas.y >= horizon
    canvas.paint("road", road, canvas.texture((92, 92, 98), 8, 3, 4))
    middle = (left + right) / 2
    for near in (0.98, 0.74, 0.52, 0.34, 0.2):
        start, stop = horizon + near * (h - horizon), horizon + near * 0.84 * (h - horizon)
        a, b = (vanishing + (y - horizon) / (h - horizon) * (middle - vanishing) for y in (start, stop))
        half = max(0.6, near * canvas.unit)
        dash = canvas.polygon((start, a - half), (start, a + half), (stop, b + half), (stop, b - half))
        canvas.shade(dash & road, 2.2)
    return left, right


def _roadside(canvas: Canvas, horizon: float, vanishing: float) -> None:
    """People, poles with a sign or a light: one to four pixels wide."""
    random, h, w = canvas.random, canvas.height, canvas.width
    for _ in range(random.integers(2, 5)):
        side, reach = random.choice([-1, 1]), random.uniform(0.35, 0.95)
        foot = horizon + h * random.uniform(0.08, 0.22)
        x = vanishing + side * reach * w / 2
        tall = h * random.uniform(0.4, 0.55)
        pole(canvas, foot, x, tall, "pole")
        head = random.integers(3)
        if head == 0:
            plate(canvas, foot - tall, x, 4 * canvas.unit, "traffic sign", (218, 178, 40))
        elif head == 1:
            plate(canvas, foot - tall, x, 3 * canvas.unit, "traffic light", (40, 120, 70))
    for _ in range(random.integers(1, 4)):
        side, reach = random.choice([-1, 1]), random.uniform(0.5, 0.95)
        foot = horizon + h * random.uniform(0.1, 0.24)
        person(canvas, foot, vanishing + side * reach * w / 2, h * random.uniform(0.16, 0.24))


def _room(canvas: Canvas, kind: int) -> None:
    """Rooms and squares for ADE20K: the same plaster and slabs, in a room or under the sky."""
    random, h, w = canvas.random, canvas.height, canvas.width
    top, foot = h * random.uniform(0.2, 0.28), h * random.uniform(0.64, 0.72)
    if kind == 0:
        canvas.paint("ceiling", canvas.y < top, canvas.gradient((214, 204, 184), (240, 232, 214), top))
    else:
        canvas.paint("sky", canvas.y < top, canvas.sky(((104, 158, 218), (176, 208, 236)), top, 12, 12))
    wall, ground = (canvas.y >= top) & (canvas.y < foot), canvas.y >= foot
    canvas.paint(("wall", "building")[kind], wall, canvas.texture((186, 168, 144), 20, 4, 6))
    canvas.shade(wall & (canvas.y.astype(int) % 9 == 0), 0.9)
    canvas.paint(("floor", "earth")[kind], ground, canvas.texture((138, 112, 90), 16, 3, 7))
    joints = ((canvas.x - w / 2) / (canvas.y - foot + h * 0.25) * 40).astype(int) % 8 == 0
    canvas.shade(ground & joints, 0.84)
    _openings(canvas, top, foot)
    (_furniture, _square)[kind](canvas, top, foot)
    if random.random() < 0.7:
        person(canvas, foot + h * random.uniform(0.04, 0.2), w * random.uniform(0.1, 0.9), h * 0.34)
    blob(canvas, h * random.uniform(0.78, 0.92), w * random.uniform(0.1, 0.9), h * 0.05)


def _openings(canvas: Canvas, top: float, foot: float) -> None:
    """A door and windows, which rooms and houses share."""
    random, w = canvas.random, canvas.width
    left, tall = w * random.uniform(0.05, 0.3), foot - top
    canvas.paint("door", canvas.rectangle(foot - 0.62 * tall, left, foot, left + 0.2 * tall), (112, 66, 44), thing=True)
    for x in (random.uniform(0.45, 0.6), random.uniform(0.75, 0.88)):
        y = top + tall * 0.18
        pane = canvas.rectangle(y, w * x, y + 0.4 * tall, w * x + 0.34 * tall)
        canvas.paint("windowpane", pane, canvas.jitter((86, 112, 142)), thing=True)
        canvas.shade(pane & canvas.rectangle(y, w * x + 0.16 * tall, y + 0.4 * tall, w * x + 0.16 * tall + 1), 1.9)
        canvas.shade(pane & canvas.rectangle(y + 0.19 * tall, 0, y + 0.19 * tall + 1, w), 1.9)


def _furniture(canvas: Canvas, top: float, foot: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    left = w * random.uniform(0.28, 0.45)
    base, wide = foot + h * 0.16, w * 0.4
    bed = canvas.rectangle(base - 0.16 * h, left, base, left + wide)
    bed |= canvas.rectangle(base - 0.26 * h, left + wide - 2 * canvas.unit, base, left + wide)
    canvas.paint("bed", bed, canvas.jitter((146, 62, 82), 18), thing=True)
    pillow = canvas.ellipse(base - 0.16 * h, left + 0.82 * wide, 0.04 * h, 0.12 * wide)
    canvas.paint("pillow", pillow, (232, 226, 216), thing=True)
    for x in random.uniform(0.08, 0.95, random.integers(1, 3)) * w:  # a lamp's stand is one unit wide
        pole(canvas, foot + h * 0.1, x, h * 0.36, "lamp", (62, 54, 50))
        high, low = foot - 0.3 * h, foot - 0.2 * h
        canvas.paint(
            "lamp",
            canvas.polygon((high, x - 2), (high, x + 2), (low, x + 4), (low, x - 4)),
            (246, 214, 128),
            thing=True,
        )
    y, x = top + 0.08 * h, w * random.uniform(0.36, 0.42)
    frame = canvas.rectangle(y, x, y + 0.14 * h, x + 0.1 * w)
    canvas.paint("painting", frame, canvas.jitter((70, 120, 110), 40), thing=True)


def _square(canvas: Canvas, top: float, foot: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    for x in random.uniform(0.08, 0.92, random.integers(1, 3)) * w:
        tree(canvas, foot + h * random.uniform(0.0, 0.08), x, h * random.uniform(0.4, 0.6))
    if random.random() < 0.7:
        car(canvas, foot + h * random.uniform(0.1, 0.22), w * random.uniform(0.3, 0.7), 0.3 * w)
    for x in random.uniform(0.06, 0.94, random.integers(1, 3)) * w:
        pole(canvas, foot + h * 0.1, x, h * 0.55, "streetlight", (58, 62, 66))
        plate(canvas, foot - 0.45 * h, x + canvas.unit, 3 * canvas.unit, "streetlight", (240, 226, 170))
    y, x = top + 0.3 * (foot - top), w * random.uniform(0.36, 0.42)
    plate(canvas, y, x, 5 * canvas.unit, "signboard", (200, 60, 50))


def _shore(canvas: Canvas, kind: int) -> None:
    """Landscapes for PASCAL Context: a lake under a deep blue sky, or a snowfield under a pale rosy one."""
    random, h, w = canvas.random, canvas.height, canvas.width
    horizon, front = h * random.uniform(0.42, 0.52), h * random.uniform(0.8, 0.88)
    colours = (((58, 122, 206), (140, 190, 234)), ((214, 200, 206), (244, 218, 206)))[kind]
    canvas.paint("sky", canvas.y >= 0, canvas.sky(colours, horizon, 14, 10))
    turns = canvas.x / canvas.width
    outline = sum(random.uniform(0.2, 1) / n * np.sin(2 * np.pi * (n * turns + random.random())) for n in (1, 2, 5, 9))
    ridge = (canvas.y >= horizon - canvas.height * (0.17 + 0.05 * outline)) & (canvas.y < horizon + 1)
    canvas.paint(("mountain", "tree")[kind], ridge, canvas.texture((66, 92, 84), 14, 2.2, 14))
    ripple = 9 * np.sin(canvas.y * 1.4 + canvas.noise(10, 1.2)) + canvas.noise(3, 5)
    plain = np.asarray(canvas.jitter((172, 192, 208), 18)) + ripple[:, :, None]
    canvas.paint(("water", "snow")[kind], canvas.y >= horizon, plain)
    shore = front + canvas.noise(16, h * 0.02)
    canvas.paint("ground", canvas.y >= shore, canvas.texture((128, 104, 74), 12, 2.5, 10))
    if random.random() < 0.6:
        _hut(canvas, horizon + h * 0.05, w * random.uniform(0.1, 0.8), h * 0.2)
    if kind == 0:
        _boat(canvas, h * random.uniform(0.6, 0.72), w * random.uniform(0.25, 0.75), h * 0.2)
    else:
        _dog(canvas, h * random.uniform(0.62, 0.74), w * random.uniform(0.25, 0.75), h * 0.1)
    for _ in range(random.integers(1, 4)):
        bird(canvas, h * random.uniform(0.06, 0.26), w * random.uniform(0.08, 0.92))
    fence(canvas, h * 0.97, 0, w * random.uniform(0.3, 0.7), h * 0.16)
    x = w * random.uniform(0.72, 0.92)
    pole(canvas, h * 0.92, x, h * 0.3, "sign")
    plate(canvas, h * 0.62, x, 4 * canvas.unit, "sign", (220, 180, 50))
    if random.random() < 0.7:
        person(canvas, h * random.uniform(0.86, 0.96), w * random.uniform(0.1, 0.65), h * 0.28)
    blob(canvas, h * 0.92, w * random.uniform(0.1, 0.9), h * 0.04)


def _hut(canvas: Canvas, foot: float, x: float, size: float) -> None:
    house = canvas.rectangle(foot - 0.55 * size, x, foot, x + size)
    eaves = foot - 0.5 * size
    roof = canvas.polygon((eaves, x - 0.15 * size), (foot - size, x + size / 2), (eaves, x + 1.15 * size))
    canvas.paint("building", house | roof, canvas.jitter((176, 74, 56)), thing=True)
    canvas.shade(roof, 0.66)
    canvas.shade(canvas.rectangle(foot - 0.4 * size, x + 0.4 * size, foot, x + 0.6 * size) & house, 0.5)


def _boat(canvas: Canvas, y: float, x: float, size: float) -> None:
    keel = y + 0.3 * size
    hull = canvas.polygon((y, x - 0.7 * size), (y, x + 0.7 * size), (keel, x + 0.45 * size), (keel, x - 0.45 * size))
    mast = canvas.rectangle(y - size, x, y, x + canvas.unit)
    sail = canvas.polygon((y - 0.95 * size, x + 1), (y - 0.1 * size, x + 1), (y - 0.1 * size, x + 0.55 * size))
    canvas.paint("boat", hull | mast | sail, canvas.jitter((140, 84, 52)), thing=True)
    canvas.shade(sail, 1.75)


def _dog(canvas: Canvas, foot: float, x: float, size: float) -> None:
    body = canvas.rectangle(foot - 0.7 * size, x - 0.7 * size, foot - 0.3 * size, x + 0.6 * size)
    legs = canvas.rectangle(foot - 0.4 * size, x - 0.7 * size, foot, x - 0.5 * size)
    legs |= canvas.rectangle(foot - 0.4 * size, x + 0.4 * size, foot, x + 0.6 * size)
    head = canvas.ellipse(foot - 0.8 * size, x + 0.75 * size, 0.28 * size, 0.3 * size)
    canvas.paint("dog", body | legs | head, canvas.jitter((86, 62, 46)), thing=True)


def _wild(canvas: Canvas, kind: int) -> None:
    """Beaches and savannas for COCO-Stuff: the same grains in front, sea or grass behind."""
    random, h, w = canvas.random, canvas.height, canvas.width
    horizon, near = h * random.uniform(0.4, 0.46), h * random.uniform(0.56, 0.64)
    sky = canvas.gradient(canvas.jitter((118, 168, 218)), canvas.jitter((190, 214, 232)), horizon)
    canvas.paint("sky-other", canvas.y >= 0, sky)
    white = canvas.texture((226, 228, 232), 8, 3, 4)
    bank = canvas.noise(13, 1.0) + 1.2 * np.sin(np.pi * np.clip(canvas.y / horizon, 0, 1)) > random.uniform(0.5, 0.8)
    canvas.paint(("clouds", "fog")[kind], bank & (canvas.y < horizon), white)
    name, colour = (("sea", (44, 132, 158)), ("grass", (132, 150, 62)))[kind]
    strip = np.asarray(canvas.jitter(colour)) + (7 * np.sin(canvas.y * 2) + canvas.noise(3, 6))[:, :, None]
    canvas.paint(name, canvas.y >= horizon, strip)
    edge = near + canvas.noise(20, h * 0.015)
    canvas.paint(("sand", "dirt")[kind], canvas.y >= edge, canvas.texture((206, 176, 126), 18, 2, 8))
    if kind == 0:
        _beach(canvas, near)
    else:
        _savanna(canvas, horizon, near)
    for _ in range(random.integers(1, 3)):
        bird(canvas, h * random.uniform(0.08, 0.3), w * random.uniform(0.08, 0.92))
    if random.random() < 0.6:
        stone = canvas.ellipse(h * random.uniform(0.8, 0.92), w * random.uniform(0.1, 0.9), h * 0.05, h * 0.08)
        canvas.paint("rock", stone, canvas.texture((112, 108, 104), 12, 2, 8))
    blob(canvas, h * random.uniform(0.8, 0.95), w * random.uniform(0.1, 0.9), h * 0.05)


def _beach(canvas: Canvas, near: float) -> None:
    random, h, w, unit = canvas.random, canvas.height, canvas.width, canvas.unit
    x, y = w * random.uniform(0.2, 0.8), h * random.uniform(0.08, 0.2)
    string = canvas.line(y, x, h * 0.5, x + w * 0.16, unit)
    body = canvas.polygon((y - 3 * unit, x), (y, x + 2 * unit), (y + 3 * unit, x), (y, x - 2 * unit))
    canvas.paint("kite", string | body, canvas.jitter((196, 52, 120)), thing=True)
    x, foot, size = w * random.uniform(0.15, 0.45), near + 0.22 * h, 0.36 * h
    stick = canvas.rectangle(foot - size, x, foot, x + unit)
    shade = canvas.ellipse(foot - 0.8 * size, x, 0.3 * size, 0.52 * size) & (canvas.y < foot - 0.75 * size)
    canvas.paint("umbrella", stick | shade, canvas.jitter((206, 60, 70)), thing=True)
    canvas.shade(shade & ((canvas.x - x).astype(int) // max(2, round(size / 6)) % 2 == 0), 1.25)
    x = w * random.uniform(0.6, 0.9)
    person(canvas, near + h * random.uniform(0.12, 0.26), x, h * 0.3)
    board = canvas.ellipse(near + 0.12 * h, x + 0.09 * h, 0.17 * h, 1.6 * unit)
    canvas.paint("surfboard", board, canvas.jitter((240, 200, 70)), thing=True)


def _savanna(canvas: Canvas, horizon: float, near: float) -> None:
    random, h, w = canvas.random, canvas.height, canvas.width
    for x in random.uniform(0.1, 0.9, random.integers(1, 3)) * w:
        tree(canvas, horizon + 0.08 * h, x, h * random.uniform(0.26, 0.36))
    _giraffe(canvas, near + h * random.uniform(0.1, 0.2), w * random.uniform(0.15, 0.5), 0.48 * h)
    _zebra(canvas, near + h * random.uniform(0.18, 0.3), w * random.uniform(0.6, 0.85), 0.2 * h)
    fence(canvas, near + 0.04 * h, w * random.uniform(0.3, 0.5), w, 0.1 * h)


def _giraffe(canvas: Canvas, foot: float, x: float, size: float) -> None:
    body = canvas.rectangle(foot - 0.55 * size, x, foot - 0.32 * size, x + 0.4 * size)
    neck = canvas.line(foot - 0.5 * size, x + 0.38 * size, foot - 0.95 * size, x + 0.52 * size, 2 * canvas.unit)
    head = canvas.ellipse(foot - 0.96 * size, x + 0.57 * size, 0.05 * size, 0.09 * size)
    whole = body | neck | head | _legs(canvas, foot, x, size, 0.4, (0.01, 0.1, 0.3, 0.37))
    canvas.paint("giraffe", whole, canvas.jitter((214, 162, 76), 8), thing=True)
    canvas.shade(whole & (canvas.noise(2, 1.0) > 0.3), 0.6)


def _zebra(canvas: Canvas, foot: float, x: float, size: float) -> None:
    body = canvas.ellipse(foot - 0.6 * size, x, 0.28 * size, 0.6 * size)
    corners = ((0.55, 0.35), (1.1, 0.65), (1.0, 0.9), (0.5, 0.6))
    neck = canvas.polygon(*((foot - up * size, x + along * size) for up, along in corners))
    whole = body | neck | _legs(canvas, foot, x, size, 0.5, (-0.45, -0.3, 0.25, 0.4))
    canvas.paint("zebra", whole, (236, 234, 228), thing=True)
    canvas.shade(whole & (canvas.x.astype(int) // canvas.unit % 3 == 0), 0.2)


def _legs(canvas: Canvas, foot: float, x: float, size: float, height: float, places: tuple[float, ...]) -> np.ndarray:
    """The mask of legs one unit wide."""
    legs = [canvas.rectangle(foot - height * size, x + p * size, foot, x + p * size + canvas.unit) for p in places]
    return np.logical_or.reduce(legs)


STYLES = {
    "cityscapes": Style(_street, (("building", "wall"), ("sidewalk", "terrain")), ("road", (98, 96, 102))),
    "ade20k": Style(_room, (("wall", "building"), ("floor", "earth")), ("sky", (120, 170, 220))),
    "pascal_context": Style(_shore, (("mountain", "tree"), ("water", "snow")), ("sky", (120, 170, 220))),
    "cocostuff10k": Style(_wild, (("sand", "dirt"), ("clouds", "fog")), ("grass", (120, 150, 62))),
}
