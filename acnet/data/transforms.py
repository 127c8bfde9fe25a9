"""From stored pixels to a training sample: scale, flip, pad, crop, normalise (decisions: the recipe)."""

import dataclasses
import math
from typing import Literal

import numpy as np
import torch
from PIL import Image

from acnet.data.classes import IGNORE

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)  # of ImageNet, which the backbones were trained on
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How a training sample is drawn.

    `crop` (height, width); the short side becomes `base_size` (None: stays) times a factor uniform in
    `scale_range`; `flip` is a probability.
    """

    crop: tuple[int, int]
    base_size: int | None = None
    scale_range: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.5


def normalise(image: np.ndarray) -> torch.Tensor:
    """RGB uint8 (H, W, 3) to float32 (3, H, W) with ImageNet's mean 0 and deviation 1."""
    channels = torch.from_numpy(np.array(image.transpose(2, 0, 1), order="C"))
    return channels.float().div_(255).sub_(MEAN).div_(STD)


def augment(
    image: np.ndarray, label: np.ndarray, how: Augmentation, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """One random sample: float32 (3, h, w) and int64 (h, w), of the crop's size.

    Where the scaled image is smaller than the crop, the right and the bottom are padded with the mean colour
    and the ignored id. The numbers drawn, in order: scale, flip, top, left.
    """
    scale = generator.uniform(*how.scale_range)
    flipped = generator.random() < how.flip
    height, width = scaled_size(image.shape[:2], how.base_size, scale)
    h, w = min(how.crop[0], height), min(how.crop[1], width)
    top, left = int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1))
    pixels = resampled_region(image, (height, width), (top, left, h, w))
    labels = nearest_region(label, (height, width), (top, left, h, w))
    if flipped:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    sample, target = normalise(pixels), torch.from_numpy(labels.astype(np.int64))
    if (h, w) != tuple(how.crop):
        margin = (0, how.crop[1] - w, 0, how.crop[0] - h)
        sample = torch.nn.functional.pad(sample, margin)
        target = torch.nn.functional.pad(target, margin, value=IGNORE)
    return sample, target


def scaled_size(
    size: tuple[int, int], base_size: int | None, scale: float, side: Literal["short", "long"] = "short"
) -> tuple[int, int]:
    """(H, W) after one `side` became `base_size` (None: its own length) times `scale`, both rounded."""
    factor = scale * (1.0 if base_size is None else base_size / {"short": min, "long": max}[side](size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def resampled_region(image: np.ndarray, size: tuple[int, int], region: tuple[int, int, int, int]) -> np.ndarray:
    """The `region` (top, left, h, w) of `image` resized bilinearly to `size` (H, W); only its source is read."""
    top, left, h, w = region
    if size == image.shape[:2]:
        return image[top : top + h, left : left + w]
    first_y, last_y, box_y = _source(top, h, size[0], image.shape[0])
    first_x, last_x, box_x = _source(left, w, size[1], image.shape[1])
    source = Image.fromarray(np.ascontiguousarray(image[first_y:last_y, first_x:last_x]))
    box = (box_x[0], box_y[0], box_x[1], box_y[1])
    return np.asarray(source.resize((w, h), Image.Resampling.BILINEAR, box))


def _source(start: int, count: int, target: int, length: int) -> tuple[int, int, tuple[float, float]]:
    """Which of `length` pixels, [first, last), make `count` of `target` pixels from `start` on, and the box in them."""
    ratio = length / target
    reach = math.ceil(max(1.0, ratio)) + 1  # Pillow's triangle filter is that wide when it shrinks
    low, high = start * ratio, min(length, (start + count) * ratio)
    first, last = max(0, math.floor(low) - reach), min(length, math.ceil(high) + reach)
    return first, last, (low - first, high - first)


def nearest_region(label: np.ndarray, size: tuple[int, int], region: tuple[int, int, int, int]) -> np.ndarray:
    """The `region` (top, left, h, w) of `label` resized to `size` (H, W) by nearest neighbours."""
    top, left, h, w = region
    if size == label.shape:
        return label[top : top + h, left : left + w]
    rows = ((np.arange(top, top + h) + 0.5) * (label.shape[0] / size[0])).astype(np.int64)
    columns = ((np.arange(left, left + w) + 0.5) * (label.shape[1] / size[1])).astype(np.int64)
    return label[rows[:, None], columns]
