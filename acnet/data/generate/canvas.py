"""A small image painted layer by layer together with its label, and the objects that several scenes share."""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw

from acnet.data.classes import IGNORE

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Layer:
    """What was painted: a class (None: unlabelled), where (H, W) bool, and whether it is one countable object."""

    name: str | None
    mask: np.ndarray
    thing: bool


@dataclasses.dataclass(frozen=True)
class Scene:
    """A finished image: RGB uint8 (H, W, 3), train ids uint8 (H, W), its layers and its kind.

    The kind, 0 or 1, decides what ambiguous stuff is; of a strip it is the number of its cue.
    """

    image: np.ndarray
    label: np.ndarray
    layers: tuple[Layer, ...]
    kind: int


class Canvas:
    """Paint masks of named classes, later over earlier; coordinates are pixels, `unit` is a thin line's width."""

    def __init__(self, height: int, width: int, generator: np.random.Generator):
        self.height, self.width, self.random = height, width, generator
        self.unit = max(1, round(height / 64))
        self.y, self.x = np.mgrid[0:height, 0:width].astype(np.float32)
        self.layers: list[Layer] = []
        self._pixels = np.zeros((height, width, 3), np.float32)

    def paint(self, name: str | None, mask: np.ndarray, colour: Colour | np.ndarray, thing: bool = False) -> None:
        """Paint `mask` in one colour, or in the colours of an (H, W, 3) array."""
        colours = np.broadcast_to(np.asarray(colour, np.float32), self._pixels.shape)
        self._pixels[mask] = colours[mask]
        self.layers.append(Layer(name, mask, thing))

    def shade(self, mask: np.ndarray, factor: float | np.ndarray) -> None:
        """Darken or lighten without changing what is there."""
        factors = np.broadcast_to(np.asarray(factor, np.float32), mask.shape)
        self._pixels[mask] *= factors[mask][:, None]

    def rectangle(self, top: float, left: float, bottom: float, right: float) -> np.ndarray:
        """Pixels with top <= y < bottom and left <= x < right; never thinner than one pixel."""
        top, left = round(top), round(left)
        bottom, right = max(round(bottom), top + 1), max(round(right), left + 1)
        return (self.y >= top) & (self.y < bottom) & (self.x >= left) & (self.x < right)

    def ellipse(self, y: float, x: float, radius_y: float, radius_x: float) -> np.ndarray:
        """The ellipse around (y, x)."""
        return ((self.y - y) / max(radius_y, 0.5)) ** 2 + ((self.x - x) / max(radius_x, 0.5)) ** 2 <= 1

    def polygon(self, *points: tuple[float, float]) -> np.ndarray:
        """The polygon through points (y, x)."""
        image = Image.new("1", (self.width, self.height))
        ImageDraw.Draw(image).polygon([(x, y) for y, x in points], fill=1)
        return np.array(image)

    def line(self, y0: float, x0: float, y1: float, x1: float, width: int = 1) -> np.ndarray:
        """A straight line `width` pixels wide."""
        image = Image.new("1", (self.width, self.height))
        ImageDraw.Draw(image).line([(x0, y0), (x1, y1)], fill=1, width=width)
        return np.array(image)

    def noise(self, cell: float, amount: float) -> np.ndarray:
        """Smooth noise (H, W) with blobs of about `cell` pixels and deviation `amount`."""
        grid = (max(2, round(self.height / cell)), max(2, round(self.width / cell)))
        coarse = Image.fromarray(self.random.normal(0, amount, grid).astype(np.float32))
        return np.asarray(coarse.resize((self.width, self.height), Image.Resampling.BICUBIC))

    def jitter(self, colour: Colour, amount: float = 12) -> Colour:
        """A colour near `colour`."""
        return tuple(float(c + d) for c, d in zip(colour, self.random.uniform(-amount, amount, 3), strict=True))

    def texture(self, colour: Colour, amount: float, cell: float, deviation: float) -> np.ndarray:
        """Colours (H, W, 3) near `colour`, with noise."""
        return np.asarray(self.jitter(colour, amount)) + self.noise(cell, deviation)[:, :, None]

    def sky(self, colours: tuple[Colour, Colour], end: float, cell: float, deviation: float) -> np.ndarray:
        """Colours (H, W, 3) of a sky down to y = `end`, from the first of `colours` to the second, with clouds."""
        sky = self.gradient(self.jitter(colours[0]), self.jitter(colours[1]), end)
        return sky + np.maximum(self.noise(cell, deviation), 0)[:, :, None]

    def gradient(self, top: Colour, bottom: Colour, end: float) -> np.ndarray:
        """Colours (H, W, 3) from `top` at y = 0 to `bottom` at y = `end`."""
        part = np.clip(self.y / max(end, 1), 0, 1)[:, :, None]
        return (1 - part) * np.asarray(top, np.float32) + part * np.asarray(bottom, np.float32)

    def finish(self, kind: int, names: tuple[str, ...]) -> Scene:
        """Light the scene at random, add the sensor's noise, and draw the label from the layers."""
        light = self.random.uniform(0.82, 1.12) * self.random.uniform(0.97, 1.03, 3)
        slope = 1 + self.random.uniform(-0.1, 0.1) * (self.x / self.width - 0.5)
        noisy = self._pixels * light * slope[:, :, None] + self.random.normal(0, 5, self._pixels.shape)
        label = np.full((self.height, self.width), IGNORE, np.uint8)
        for layer in self.layers:
            label[layer.mask] = IGNORE if layer.name is None else names.index(layer.name)
        return Scene(np.clip(noisy, 0, 255).astype(np.uint8), label, tuple(self.layers), kind)


def person(canvas: Canvas, foot: float, x: float, height: float) -> None:
    """Someone `height` pixels tall, a quarter as wide, standing on y = `foot`."""
    width = max(2.0, height / 4)
    body = canvas.rectangle(foot - 0.78 * height, x - width / 2, foot, x + width / 2)
    head = canvas.ellipse(foot - 0.88 * height, x, height * 0.13, max(1.0, width * 0.42))
    clothes = canvas.jitter((175, 50, 60) if canvas.random.random() < 0.5 else (60, 60, 130), 25)
    canvas.paint("person", body | head, clothes, thing=True)
    canvas.shade(canvas.rectangle(foot - 0.4 * height, x - width / 2, foot, x + width / 2) & body, 0.55)
    canvas.shade(head, 1.35)


def car(canvas: Canvas, foot: float, x: float, length: float) -> None:
    """A car `length` pixels long whose wheels touch y = `foot`."""
    height = 0.42 * length
    body = canvas.rectangle(foot - 0.6 * height, x - length / 2, foot - 0.08 * height, x + length / 2)
    corners = ((0.55, -0.36), (1, -0.22), (1, 0.2), (0.55, 0.36))
    cabin = canvas.polygon(*((foot - up * height, x + along * length) for up, along in corners))
    wheels = canvas.ellipse(foot - 0.12 * height, x - 0.3 * length, 0.16 * height, 0.1 * length)
    wheels |= canvas.ellipse(foot - 0.12 * height, x + 0.3 * length, 0.16 * height, 0.1 * length)
    colours: list[Colour] = [(190, 40, 45), (40, 70, 160), (225, 225, 228), (45, 48, 58)]
    canvas.paint("car", body | cabin | wheels, canvas.jitter(colours[canvas.random.integers(4)]), thing=True)
    canvas.shade(cabin & ~body, 0.5)
    canvas.shade(wheels, 0.3)


def tree(canvas: Canvas, foot: float, x: float, height: float, name: str = "tree") -> None:
    """A round tree; trunk and crown belong to one class."""
    trunk = canvas.rectangle(foot - 0.45 * height, x - 0.04 * height, foot, x + 0.04 * height)
    crown = canvas.ellipse(foot - 0.66 * height, x, 0.34 * height, 0.3 * height)
    canvas.paint(name, trunk | crown, canvas.texture((62, 118, 52), 12, 2.5, 16), thing=True)
    canvas.shade(trunk & ~crown, 0.6)


def pole(canvas: Canvas, foot: float, x: float, height: float, name: str, colour: Colour = (92, 94, 98)) -> None:
    """A pole one unit wide."""
    canvas.paint(name, canvas.rectangle(foot - height, x, foot, x + canvas.unit), colour, thing=True)


def plate(canvas: Canvas, y: float, x: float, size: float, name: str, colour: Colour) -> None:
    """A square plate `size` pixels wide around (y, x) with a light middle."""
    half = size / 2
    canvas.paint(name, canvas.rectangle(y - half, x - half, y + half, x + half), colour, thing=True)
    canvas.shade(canvas.rectangle(y - half / 3, x - half / 3, y + half / 3, x + half / 3), 1.4)


def fence(canvas: Canvas, foot: float, left: float, right: float, height: float) -> None:
    """Posts one unit wide, four apart, with one rail."""
    posts = (canvas.x.astype(int) // canvas.unit) % 4 == 0
    area = canvas.rectangle(foot - height, left, foot, right)
    rail = canvas.rectangle(foot - 0.7 * height, left, foot - 0.7 * height + canvas.unit, right)
    canvas.paint("fence", (posts & area) | rail, canvas.jitter((118, 84, 56)))


def bird(canvas: Canvas, y: float, x: float) -> None:
    """Two wings, about five units wide."""
    unit = canvas.unit
    wings = canvas.line(y - unit, x - 2 * unit, y, x, unit) | canvas.line(y, x, y - unit, x + 2 * unit, unit)
    canvas.paint("bird", wings, (42, 40, 46), thing=True)


def blob(canvas: Canvas, y: float, x: float, radius: float) -> None:
    """Something unlabelled."""
    canvas.paint(None, canvas.ellipse(y, x, radius, 1.4 * radius), canvas.jitter((120, 100, 120), 40))
