"""From an image and a network to class scores: scales, windows, mirrors (decisions under "Evaluation")."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acnet.data.transforms import normalise, resampled_region, scaled_size
from acnet.device import autocast, memory_ran_out
from acnet.errors import AcnetError
from acnet.evaluate.axis import Block, side
from acnet.evaluate.windows import corners
from acnet.params.protocols import Protocol

_PIXELS = 80_000  # in one forward pass on a CPU, if a window has not more


def predict(
    network: nn.Module,
    image: np.ndarray,
    protocol: Protocol,
    classes: int,
    device: torch.device,
    *,
    align_corners: bool = True,
    name: str = "image",
) -> Tensor:
    """Class scores of an image (H, W, 3) uint8: (classes, H, W) float32 on `device`; see `strips`."""
    found = strips(network, image, protocol, classes, device, align_corners=align_corners, name=name)
    return torch.cat([scores for _, scores in found]).transpose(0, 1)


def label_map(
    network: nn.Module,
    image: np.ndarray,
    protocol: Protocol,
    classes: int,
    device: torch.device,
    *,
    align_corners: bool = True,
    name: str = "image",
) -> np.ndarray:
    """The class of the highest of `predict`'s scores at each pixel: (H, W) uint8, without ever holding all of them."""
    found = strips(network, image, protocol, classes, device, align_corners=align_corners, name=name)
    return np.concatenate([scores.argmax(1).to(torch.uint8).cpu().numpy() for _, scores in found])


@torch.inference_mode()
def strips(
    network: nn.Module,
    image: np.ndarray,
    protocol: Protocol,
    classes: int,
    device: torch.device,
    *,
    align_corners: bool = True,
    name: str = "image",
) -> Iterator[tuple[int, Tensor]]:
    """Class scores of an image (H, W, 3) uint8 from top to bottom: (first row, (rows, classes, W) float32).

    With one scale they are logits, with several the mean over scales of the softmax, or of the logits, as
    `protocol.fusion` says. Windows and mirrors of one scale are averaged as logits. `network` gives its logits at
    their native resolution when asked for. Raises AcnetError, opening with `name`, when it gives another number of
    classes or scores that are not finite, and when memory runs out.
    """
    with _enough_memory(name, image, f"window {protocol.window or 'whole'}, scale {max(protocol.scales):g}"):
        with autocast(device, protocol.precision):  # entered once, since it keeps the weights it has converted
            scales = [
                _scored(network, image, protocol, scale, classes, device, align_corners, name)
                for scale in protocol.scales
            ]
        for number, block in enumerate(scales[0].rows):
            total = _fused(scales[0].strip(number), protocol)
            for scale in scales[1:]:
                total += _fused(scale.strip(number), protocol)
            yield block.start, total.div_(len(scales))


def gates(
    network: nn.Module, image: np.ndarray, protocol: Protocol, device: torch.device, name: str = "image"
) -> list[np.ndarray]:
    """The gates of every global context module on the whole image at scale 1: (h, w) float32, native resolution."""
    with (
        _enough_memory(name, image, "its gates, which see it whole"),
        torch.inference_mode(),
        autocast(device, protocol.precision),
    ):
        pixels = _scaled(image, protocol, 1.0, device)
        return [gate[0, 0].float().cpu().numpy() for gate in network(pixels[None], native=True)["gates"]]


@contextlib.contextmanager
def _enough_memory(name: str, image: np.ndarray, what: str) -> Iterator[None]:
    """Say in one line that memory has run out, on whichever device."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not memory_ran_out(error):
            raise
        height, width = image.shape[:2]
        raise AcnetError(
            f"{name}: not enough memory for {height}x{width} pixels, {what}; choose a protocol with a smaller window"
            " or base_size"
        ) from error


def probabilities(protocol: Protocol) -> bool:
    """Whether the scores of `strips` are probabilities rather than logits."""
    return len(protocol.scales) > 1 and protocol.fusion == "softmax"


def _fused(logits: Tensor, protocol: Protocol) -> Tensor:
    return logits.softmax(1) if probabilities(protocol) else logits


@dataclasses.dataclass(frozen=True)
class _Scored:
    """The native logits of every window at one scale, mean of the mirrors: `grid` (rows, classes, columns) float32.

    Windows lie side by side there as in the image; `rows` and `columns` make the image's pixels of them.
    """

    grid: Tensor
    rows: tuple[Block, ...]
    columns: tuple[Block, ...]

    def strip(self, number: int) -> Tensor:
        """The logits of the image's pixels in one block of rows: (rows, classes, W)."""
        block = self.rows[number]
        part = self.grid[block.first : block.last]
        wide = part.new_empty(*part.shape[:2], self.columns[-1].stop)
        for across in self.columns:
            wide[..., across.start : across.stop] = part[..., across.first : across.last] @ across.matrix.T
        return (block.matrix @ wide.flatten(1)).unflatten(1, wide.shape[1:])


def _scored(
    network: nn.Module,
    image: np.ndarray,
    protocol: Protocol,
    scale: float,
    classes: int,
    device: torch.device,
    align_corners: bool,
    name: str,
) -> _Scored:
    """The logits of all windows and mirrors at one scale.

    A scaled image smaller than the window is padded at the right and below with the mean colour, as in training.
    """
    pixels = _scaled(image, protocol, scale, device)
    height, width = pixels.shape[1:]
    window = tuple(protocol.window or (height, width))
    padding = (0, max(0, window[1] - width), 0, max(0, window[0] - height))
    pixels = F.pad(pixels, padding) if any(padding) else pixels
    places = corners(height, width, window, protocol.stride)
    tops, lefts = (sorted(set(side_places)) for side_places in zip(*places, strict=True))
    mirrors = (False, True) if protocol.mirror else (False,)
    jobs = [(place, mirrored) for place in places for mirrored in mirrors]
    grid = None
    for (top, left), mirrored, logits in _forwards(network, pixels, window, jobs, protocol):
        if logits.shape[0] != classes:
            raise AcnetError(f"{name}: the network scores {logits.shape[0]} classes, the dataset has {classes}")
        h, w = logits.shape[1:]
        if grid is None:
            grid = torch.zeros(len(tops) * h, classes, len(lefts) * w, device=pixels.device)
        row, column = tops.index(top) * h, lefts.index(left) * w
        # Mirrors are averaged before they are enlarged, which comes to the same.
        grid[row : row + h, :, column : column + w] += (logits.flip(-1) if mirrored else logits).transpose(0, 1)
    grid /= len(mirrors)
    # One sum tells whether any score is NaN or infinite.
    if not torch.isfinite(grid.sum()):
        precise = protocol.precision == "float32"
        raise AcnetError(
            f"{name}: the network's scores are not finite; train it again with a smaller learning_rate"
            + ("" if precise else f" or evaluate in float32 (now {protocol.precision})")
        )
    strip = 64 if device.type == "cpu" else 512  # few enough for a processor's cache, enough to occupy a GPU
    blocks = [
        tuple(block._replace(matrix=block.matrix.to(device)) for block in side(*sizes, align_corners, strip))
        for sizes in (
            (image.shape[0], height, window[0], protocol.stride, h),
            (image.shape[1], width, window[1], protocol.stride, w),
        )
    ]
    return _Scored(grid, *blocks)


def _scaled(image: np.ndarray, protocol: Protocol, scale: float, device: torch.device) -> Tensor:
    """The image resized as in training, its `base_side` at `base_size` * `scale`: (3, h, w) float32, normalised."""
    size = scaled_size(image.shape[:2], protocol.base_size, scale, protocol.base_side)
    return normalise(resampled_region(image, size, (0, 0, *size))).to(device)


def _forwards(
    network: nn.Module,
    pixels: Tensor,
    window: tuple[int, int],
    jobs: list[tuple[tuple[int, int], bool]],
    protocol: Protocol,
) -> Iterator[tuple[tuple[int, int], bool, Tensor]]:
    """Each of `jobs`, windows ((top, left), mirrored), with its native logits (classes, h, w), still mirrored."""
    # On a CPU the number of windows, which changes rounding, depends on their size alone.
    size = protocol.batch if pixels.is_cuda else max(1, _PIXELS // (window[0] * window[1]))
    for first in range(0, len(jobs), size):
        batch = jobs[first : first + size]
        crops = [pixels[:, top : top + window[0], left : left + window[1]] for (top, left), _ in batch]
        crops = [crop.flip(-1) if mirrored else crop for crop, (_, mirrored) in zip(crops, batch, strict=True)]
        for job, logits in zip(batch, network(torch.stack(crops), native=True)["logits"], strict=True):
            yield *job, logits
