"""The pictures of a generated dataset, one after another, without any file."""

import dataclasses
import zlib
from collections.abc import Iterator

import numpy as np

from acnet.data import classes
from acnet.data.generate import rooms, shore, street, wild
from acnet.data.generate.canvas import Canvas, Scene, jitter
from acnet.errors import AcnetError
from acnet.params.strict import nearest

FAMILIES = {"cityscapes": street, "ade20k": rooms, "pascal_context": shore, "cocostuff10k": wild}
_GREY, _PLAIN = 2, 3  # the images of a split that are greyscale and of one class


def scenes(reader: str, seed: int, split: str, count: int, size: tuple[int, int]) -> Iterator[Scene]:
    """`count` scenes of a split, the kinds taking turns; equal arguments give equal scenes.

    `size` is (height, width), which all but Cityscapes vary. The third image is greyscale (not in Cityscapes),
    the fourth shows one class only.
    """
    if reader not in FAMILIES:
        raise AcnetError(f"{reader}: no generator{nearest(reader, FAMILIES)}")
    family, names = FAMILIES[reader], classes.load(reader).names
    for number in range(count):
        key = (zlib.crc32(reader.encode()), zlib.crc32(split.encode()), number)
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        canvas = Canvas(*_size(reader, size, generator), generator)
        if number == _PLAIN:
            name, colour = family.PLAIN
            canvas.paint(
                name, canvas.everywhere(), np.asarray(jitter(generator, colour)) + canvas.noise(6, 6)[:, :, None]
            )
        else:
            family.draw(canvas, number % 2)
        scene = canvas.finish(number % 2, names)
        yield _grey(scene) if number == _GREY and reader != "cityscapes" else scene


def _size(reader: str, size: tuple[int, int], generator: np.random.Generator) -> tuple[int, int]:
    if reader == "cityscapes":
        return size
    height, width = (round(side * generator.uniform(0.85, 1.2)) for side in size)
    return height, width


def _grey(scene: Scene) -> Scene:
    grey = (scene.image @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
    return dataclasses.replace(scene, image=np.repeat(grey[:, :, None], 3, axis=2))
