"""A small picture painted layer by layer together with its label."""

import dataclasses

import numpy as np
from PIL import Image, ImageDraw

from acnet.data.classes import VOID

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Layer:
    """What was painted: a class (None: unlabelled), where (H, W) bool, and whether it is one countable object."""

    name: str | None
    mask: np.ndarray
    thing: bool


@dataclasses.dataclass(frozen=True)
class Scene:
    """A finished picture: RGB uint8 (H, W, 3), train ids uint8 (H, W), its layers and its kind (0 or 1).

    The kind settles what ambiguous stuff is.
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

    def everywhere(self) -> np.ndarray:
        """The mask of all pixels."""
        return np.ones((self.height, self.width), bool)

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

    def gradient(self, top: Colour, bottom: Colour, end: float) -> np.ndarray:
        """Colours (H, W, 3) from `top` at y = 0 to `bottom` at y = `end`."""
        part = np.clip(self.y / max(end, 1), 0, 1)[:, :, None]
        return (1 - part) * np.asarray(top, np.float32) + part * np.asarray(bottom, np.float32)

    def finish(self, kind: int, names: tuple[str, ...]) -> Scene:
        """Light the scene at random, add the sensor's noise, and draw the label from the layers."""
        light = self.random.uniform(0.82, 1.12) * self.random.uniform(0.97, 1.03, 3)
        slope = 1 + self.random.uniform(-0.1, 0.1) * (self.x / self.width - 0.5)
        noisy = self._pixels * light * slope[:, :, None] + self.random.normal(0, 5, self._pixels.shape)
        label = np.full((self.height, self.width), VOID, np.uint8)
        for layer in self.layers:
            label[layer.mask] = VOID if layer.name is None else names.index(layer.name)
        return Scene(np.clip(noisy, 0, 255).astype(np.uint8), label, tuple(self.layers), kind)


def jitter(generator: np.random.Generator, colour: Colour, amount: float = 12) -> Colour:
    """A colour near `colour`."""
    return tuple(float(c + d) for c, d in zip(colour, generator.uniform(-amount, amount, 3), strict=True))
