"""Things and thin things that several scenes share."""

import numpy as np

from acnet.data.generate.canvas import Canvas, Colour, jitter


def person(canvas: Canvas, foot: float, x: float, height: float, name: str = "person") -> None:
    """Someone `height` pixels tall, a quarter as wide, standing on y = `foot`."""
    width = max(2.0, height / 4)
    body = canvas.rectangle(foot - 0.78 * height, x - width / 2, foot, x + width / 2)
    head = canvas.ellipse(foot - 0.88 * height, x, height * 0.13, max(1.0, width * 0.42))
    clothes = jitter(canvas.random, (175, 50, 60) if canvas.random.random() < 0.5 else (60, 60, 130), 25)
    canvas.paint(name, body | head, clothes, thing=True)
    canvas.shade(canvas.rectangle(foot - 0.4 * height, x - width / 2, foot, x + width / 2) & body, 0.55)
    canvas.shade(head, 1.35)


def car(canvas: Canvas, foot: float, x: float, length: float, name: str = "car") -> None:
    """A car `length` pixels long whose wheels touch y = `foot`."""
    height = 0.42 * length
    body = canvas.rectangle(foot - 0.6 * height, x - length / 2, foot - 0.08 * height, x + length / 2)
    cabin = canvas.polygon(
        (foot - 0.55 * height, x - 0.36 * length),
        (foot - height, x - 0.22 * length),
        (foot - height, x + 0.2 * length),
        (foot - 0.55 * height, x + 0.36 * length),
    )
    wheels = canvas.ellipse(foot - 0.12 * height, x - 0.3 * length, 0.16 * height, 0.1 * length)
    wheels |= canvas.ellipse(foot - 0.12 * height, x + 0.3 * length, 0.16 * height, 0.1 * length)
    palette: list[Colour] = [(190, 40, 45), (40, 70, 160), (225, 225, 228), (45, 48, 58)]
    canvas.paint(name, body | cabin | wheels, jitter(canvas.random, palette[canvas.random.integers(4)]), thing=True)
    canvas.shade(cabin & ~body, 0.5)
    canvas.shade(wheels, 0.3)


def tree(canvas: Canvas, foot: float, x: float, height: float, name: str = "tree") -> None:
    """A round tree; trunk and crown belong to one class."""
    trunk = canvas.rectangle(foot - 0.45 * height, x - 0.04 * height, foot, x + 0.04 * height)
    crown = canvas.ellipse(foot - 0.66 * height, x, 0.34 * height, 0.3 * height)
    leaves = np.asarray(jitter(canvas.random, (62, 118, 52))) + canvas.noise(2.5, 16)[:, :, None]
    canvas.paint(name, trunk | crown, leaves, thing=True)
    canvas.shade(trunk & ~crown, 0.6)


def pole(canvas: Canvas, foot: float, x: float, height: float, name: str, colour: Colour = (92, 94, 98)) -> None:
    """A pole one unit wide."""
    canvas.paint(name, canvas.rectangle(foot - height, x, foot, x + canvas.unit), colour, thing=True)


def plate(canvas: Canvas, y: float, x: float, size: float, name: str, colour: Colour) -> None:
    """A square plate `size` pixels wide around (y, x) with a light middle."""
    half = size / 2
    canvas.paint(name, canvas.rectangle(y - half, x - half, y + half, x + half), colour, thing=True)
    canvas.shade(canvas.rectangle(y - half / 3, x - half / 3, y + half / 3, x + half / 3), 1.4)


def fence(canvas: Canvas, foot: float, left: float, right: float, height: float, name: str) -> None:
    """Posts one unit wide, four apart, with one rail."""
    posts = (canvas.x.astype(int) // canvas.unit) % 4 == 0
    area = canvas.rectangle(foot - height, left, foot, right)
    rail = canvas.rectangle(foot - 0.7 * height, left, foot - 0.7 * height + canvas.unit, right)
    canvas.paint(name, (posts & area) | rail, jitter(canvas.random, (118, 84, 56)))


def bird(canvas: Canvas, y: float, x: float, name: str = "bird") -> None:
    """Two wings, about five units wide."""
    unit = canvas.unit
    wings = canvas.line(y - unit, x - 2 * unit, y, x, unit) | canvas.line(y, x, y - unit, x + 2 * unit, unit)
    canvas.paint(name, wings, (42, 40, 46), thing=True)


def blob(canvas: Canvas, y: float, x: float, radius: float) -> None:
    """Something that nobody labelled."""
    canvas.paint(None, canvas.ellipse(y, x, radius, 1.4 * radius), jitter(canvas.random, (120, 100, 120), 40))
