"""From an image and a network to class scores: scales, windows, mirrors (decisions under "Evaluation")."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acnet.data.transforms import normalise, resampled_region, scaled_size
from acnet.device import autocast
from acnet.errors import AcnetError
from acnet.evaluate.windows import corners
from acnet.params.protocols import Protocol


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
    """Class scores of an image (H, W, 3) uint8: (classes, H, W) float32 on `device`.

    With one scale they are logits, with several the mean over scales of the softmax. Windows and mirrors of one
    scale are averaged as logits. Raises AcnetError, opening with `name`, when the network gives another number
    of classes or scores that are not finite.
    """
    height, width = image.shape[:2]
    fused = None
    with torch.inference_mode(), autocast(device, protocol.precision):
        for scale in protocol.scales:
            pixels = _scaled(image, protocol, scale, device)
            scores = _scores(network, pixels, protocol, classes, name)
            if scores.shape[1:] != (height, width):
                up = F.interpolate(scores[None], (height, width), mode="bilinear", align_corners=align_corners)
                scores = up[0]
            if len(protocol.scales) == 1:
                return scores
            _softmax_(scores)
            fused = scores if fused is None else fused.add_(scores)
        return fused.div_(len(protocol.scales))


def gates(network: nn.Module, image: np.ndarray, protocol: Protocol, device: torch.device) -> list[np.ndarray]:
    """The gates of every global context module on the whole image at scale 1: (h, w) float32, native resolution."""
    with torch.inference_mode(), autocast(device, protocol.precision):
        pixels = _scaled(image, protocol, 1.0, device)
        return [gate[0, 0].float().cpu().numpy() for gate in network(pixels[None])["gates"]]


def _scaled(image: np.ndarray, protocol: Protocol, scale: float, device: torch.device) -> Tensor:
    """The image resized as in training, its short side at `base_size` * `scale`: (3, h, w) float32, normalised."""
    size = scaled_size(image.shape[:2], protocol.base_size, scale)
    return normalise(resampled_region(image, size, (0, 0, *size))).to(device)


def _scores(network: nn.Module, pixels: Tensor, protocol: Protocol, classes: int, name: str) -> Tensor:
    """Mean logits (classes, h, w) over the windows and mirrors of one scaled image (3, h, w).

    An image smaller than the window is padded at the right and below with the mean colour, as in training.
    """
    height, width = pixels.shape[1:]
    window = tuple(protocol.window or (height, width))
    padding = (0, max(0, window[1] - width), 0, max(0, window[0] - height))
    pixels = F.pad(pixels, padding) if any(padding) else pixels
    places = corners(height, width, window, protocol.stride)
    total = torch.zeros(classes, height, width, device=pixels.device)
    for top, left, logits in _forwards(network, pixels, window, places, protocol):
        if logits.shape[0] != classes:
            raise AcnetError(f"{name}: the network scores {logits.shape[0]} classes, the dataset has {classes}")
        # Added where it belongs: no map is padded to the full size, and what lies on the padding is dropped.
        part = total[:, top : top + window[0], left : left + window[1]]
        part += logits[:, : part.shape[1], : part.shape[2]]
    passes = 2 if protocol.mirror else 1
    if len(places) > 1 or passes > 1:
        total /= _cover(height, width, window, places, pixels.device) * passes
    # One sum tells whether any score is NaN or infinite.
    if not torch.isfinite(total.sum()):
        raise AcnetError(
            f"{name}: the network's scores are not finite; train it again with a smaller learning_rate"
            f" or evaluate in float32 (now {protocol.precision})"
        )
    return total


def _forwards(
    network: nn.Module, pixels: Tensor, window: tuple[int, int], places: list[tuple[int, int]], protocol: Protocol
) -> Iterator[tuple[int, int, Tensor]]:
    """(top, left, logits (classes, *window)) of every window and, turned back, of its mirror image."""
    mirrors = (False, True) if protocol.mirror else (False,)
    jobs = [(top, left, mirrored) for top, left in places for mirrored in mirrors]
    for first in range(0, len(jobs), protocol.batch):
        batch = jobs[first : first + protocol.batch]
        crops = [pixels[:, top : top + window[0], left : left + window[1]] for top, left, _ in batch]
        crops = [crop.flip(-1) if mirrored else crop for crop, (_, _, mirrored) in zip(crops, batch, strict=True)]
        for (top, left, mirrored), logits in zip(batch, network(torch.stack(crops))["logits"], strict=True):
            yield top, left, logits.flip(-1) if mirrored else logits


def _cover(
    height: int, width: int, window: tuple[int, int], places: list[tuple[int, int]], device: torch.device
) -> Tensor:
    """How many windows hold each pixel: (height, width)."""
    count = torch.zeros(height, width, device=device)
    for top, left in places:
        count[top : top + window[0], left : left + window[1]] += 1
    return count


def _softmax_(scores: Tensor) -> None:
    """Softmax over the first dimension, in place."""
    scores -= scores.amax(0, keepdim=True)
    scores.exp_()
    scores /= scores.sum(0, keepdim=True)
