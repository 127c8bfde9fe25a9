"""From an image and a network to class scores: scales, sliding windows, flips."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acnet.data.transforms import normalise, resampled_region, scaled_size
from acnet.device import memory_ran_out
from acnet.errors import AcnetError
from acnet.evaluate.windows import Block, corners, interpolation
from acnet.files import digest
from acnet.model import steer_gates
from acnet.params.protocols import Protocol
from acnet.precision import autocast

_PIXELS = 80_000  # in one forward pass on a CPU, unless one window has more


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A network in eval mode with all that it takes to predict an image (H, W, 3) uint8 by a protocol.

    `network` gives its logits at their native resolution when asked for. Every method raises AcnetError, opening with
    `source` (the checkpoint) and the image's name, when memory runs out.
    """

    network: nn.Module
    classes: int
    device: torch.device
    align_corners: bool = True
    source: object = "network"
    at_once: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict)  # windows of a size that fit memory

    def label_map(self, image: np.ndarray, protocol: Protocol, name: str) -> np.ndarray:
        """The class of the highest score at each pixel: (H, W) uint8, without ever holding the scores of all."""
        strips = self.strips(image, protocol, name)
        return np.concatenate([scores.argmax(1).to(torch.uint8).cpu().numpy() for scores in strips])

    @torch.inference_mode()
    def strips(self, image: np.ndarray, protocol: Protocol, name: str) -> Iterator[Tensor]:
        """Class scores from top to bottom, each (rows, classes, W) float32 on the device.

        With one scale they are logits, with several the mean over scales of the softmax, or of the logits, as
        `protocol.fusion` says. Windows and flips of one scale are averaged as logits. Raises AcnetError when the
        network gives another number of classes or scores that are not finite.
        """
        what = f"window {protocol.window or 'whole'}, scale {max(protocol.scales):g}"
        with self._enough_memory(name, image, what, "window or base_size"):
            with autocast(self.device, protocol.precision):  # entered once, since it keeps the weights it has converted
                scales = [self._scores(image, protocol, scale, name) for scale in protocol.scales]
            for number in range(len(scales[0].rows)):
                total = _fused(scales[0].strip(number), protocol)
                for scale in scales[1:]:
                    total += _fused(scale.strip(number), protocol)
                yield total.div_(len(scales))

    def gates(self, image: np.ndarray, protocol: Protocol, name: str) -> list[np.ndarray]:
        """The gates of every global context module on the whole image at scale 1, each (h, w) float32."""
        with (
            self._enough_memory(name, image, "gates of the whole image", "base_size"),
            torch.inference_mode(),
            autocast(self.device, protocol.precision),
        ):
            pixels = _scaled(image, protocol, 1.0, self.device)
            steer_gates(self.network, [_seed(name, pixels, (0, 0), False)], protocol.gate)
            return [gate[0, 0].float().cpu().numpy() for gate in self.network(pixels[None], native=True)["gates"]]

    @contextlib.contextmanager
    def _enough_memory(self, name: str, image: np.ndarray, what: str, smaller: str) -> Iterator[None]:
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not memory_ran_out(error):
                raise
            height, width = image.shape[:2]
            raise AcnetError(
                f"{self.source}: image {name}: not enough memory for {height}x{width} pixels, {what}; choose a "
                f"protocol with a smaller {smaller}"
            ) from error

    def _scores(self, image: np.ndarray, protocol: Protocol, scale: float, name: str) -> "_Scores":
        """The logits of all windows and flips at one scale.

        A scaled image smaller than the window is padded at the right and below with the mean colour, as in training.
        """
        pixels = _scaled(image, protocol, scale, self.device)
        height, width = pixels.shape[1:]
        window = tuple(protocol.window or (height, width))
        padding = (0, max(0, window[1] - width), 0, max(0, window[0] - height))
        pixels = F.pad(pixels, padding) if any(padding) else pixels
        windows = corners(height, width, window, protocol.stride)
        tops, lefts = (sorted(set(side)) for side in zip(*windows, strict=True))
        grid = None
        for (top, left), flipped, logits in self._forwards(pixels, window, windows, protocol, name):
            if logits.shape[0] != self.classes:
                raise AcnetError(
                    f"{self.source}: image {name}: the network scores {logits.shape[0]} classes, "
                    f"the dataset has {self.classes}"
                )
            h, w = logits.shape[1:]
            if grid is None:
                grid = torch.zeros(len(tops) * h, self.classes, len(lefts) * w, device=pixels.device)
            row, column = tops.index(top) * h, lefts.index(left) * w
            # Flips are averaged before upsampling, which is equivalent.
            grid[row : row + h, :, column : column + w] += (logits.flip(-1) if flipped else logits).transpose(0, 1)
        grid /= 1 + protocol.flip
        if not torch.isfinite(grid.sum()):  # so if any score is NaN or infinite
            remedy = " or evaluate in float32 (now float16)" if protocol.precision == "float16" else ""
            raise AcnetError(
                f"{self.source}: image {name}: the network's scores are not finite; train it again with a smaller "
                f"learning_rate{remedy}"
            )
        strip = 64 if self.device.type == "cpu" else 512  # few enough for a processor's cache, enough to occupy a GPU
        rows, columns = (
            tuple(
                block._replace(matrix=block.matrix.to(self.device))
                for block in interpolation(*sides, protocol.stride, native, self.align_corners, strip)
            )
            for sides, native in (((image.shape[0], height, window[0]), h), ((image.shape[1], width, window[1]), w))
        )
        return _Scores(grid, rows, columns)

    def _forwards(
        self,
        pixels: Tensor,
        window: tuple[int, int],
        windows: list[tuple[int, int]],
        protocol: Protocol,
        name: str,
    ) -> Iterator[tuple[tuple[int, int], bool, Tensor]]:
        """(top, left), whether flipped, and the native logits (classes, h, w), still flipped, of every window."""
        jobs = [(corner, flipped) for corner in windows for flipped in (False, True)[: 1 + protocol.flip]]
        # On a CPU the number of windows, which changes rounding, depends on their size alone.
        free = protocol.batch if pixels.is_cuda else max(1, _PIXELS // (window[0] * window[1]))
        while jobs:
            size = min(free, self.at_once.get(window, free))
            chunk = jobs[:size]
            crops = [pixels[:, top : top + window[0], left : left + window[1]] for (top, left), _ in chunk]
            crops = [crop.flip(-1) if flipped else crop for crop, (_, flipped) in zip(crops, chunk, strict=True)]
            steer_gates(self.network, [_seed(name, pixels, *job) for job in chunk], protocol.gate)
            try:
                made = self.network(torch.stack(crops), native=True)["logits"]
            except torch.OutOfMemoryError:  # of a GPU
                if len(chunk) == 1:
                    raise
                self.at_once[window] = len(chunk) // 2
                continue
            for job, logits in zip(chunk, made, strict=True):
                yield *job, logits
            jobs = jobs[size:]


def _seed(name: str, pixels: Tensor, corner: tuple[int, int], flipped: bool) -> int:
    """The seed of a shuffled gate for one window of an image (3, h, w); it does not depend on the batch of windows."""
    return int(digest([name, *pixels.shape[1:], *corner, flipped]), 16)


def probabilities(protocol: Protocol) -> bool:
    """Whether the scores of `Predictor.strips` are probabilities rather than logits."""
    return len(protocol.scales) > 1 and protocol.fusion == "softmax"


def _fused(logits: Tensor, protocol: Protocol) -> Tensor:
    return logits.softmax(1) if probabilities(protocol) else logits


def _scaled(image: np.ndarray, protocol: Protocol, scale: float, device: torch.device) -> Tensor:
    """The image resized as in training, its `base_side` at `base_size` * `scale`: (3, h, w) float32, normalised."""
    size = scaled_size(image.shape[:2], protocol.base_size, scale, protocol.base_side)
    return normalise(resampled_region(image, size, (0, 0, *size))).to(device)


@dataclasses.dataclass(frozen=True)
class _Scores:
    """The native logits of every window at one scale, mean of the flips: `grid` (rows, classes, columns) float32.

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
