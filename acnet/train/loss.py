"""Cross-entropy without ignored pixels, online hard example mining (OHEM), and the losses of further outputs.

Every loss is this process's share: summed over the processes it is the loss of the global batch, whatever their
number, since the divisor is the global count of pixels.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from acnet.data.classes import IGNORE
from acnet.distributed import gathered, summed, world_size
from acnet.params.config import TrainingConfig


def total_loss(
    output: Mapping[str, Any], labels: Tensor, train: TrainingConfig, align_corners: bool, valid: int
) -> dict[str, Tensor]:
    """The loss of a (micro-)batch and its parts: total, main, auxiliary (if any), kept (share of pixels with OHEM).

    `output` holds scores at the network's own size; `valid` is the number of pixels that are not ignored in the whole
    global batch of the step. Under accumulation OHEM mines each micro-batch, and its mean counts as one of them.
    Extra outputs of a head count in the total with the weights they bring, and are never mined.
    """
    losses = pixel_losses(output["logits"], labels, align_corners)
    if train.ohem:
        kept, count = hard_pixels(losses, labels, train.ohem_threshold, train.ohem_keep)
        share = 1 / train.accumulate
        # No comparison keeps a NaN: without the last term a network that diverged would have the loss 0.
        main = torch.where(kept, losses, 0).sum() / count * share + 0 * losses.detach().sum()
        parts = {"main": main, "kept": kept.sum() / (labels.numel() * world_size()) * share}
    else:
        main = losses.sum() / max(1, valid)
        parts = {"main": main}
    total = main
    if "auxiliary" in output:
        parts["auxiliary"] = pixel_losses(output["auxiliary"], labels, align_corners).sum() / max(1, valid)
        total = total + train.auxiliary_weight * parts["auxiliary"]
    for scores, weight in output.get("extra", []):
        if scores.ndim == 2:
            total = total + weight * presence_losses(scores, labels).sum() / (train.batch * scores.shape[1])
        else:
            total = total + weight * pixel_losses(scores, labels, align_corners).sum() / max(1, valid)
    return {"total": total, **parts}


def presence_losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of scores (N, K) for which classes occur in labels (N, H, W): (N, K)."""
    known = torch.where(labels != IGNORE, labels, scores.shape[1]).flatten(1)
    present = scores.new_zeros(len(scores), scores.shape[1] + 1).scatter_(1, known, 1.0)[:, :-1]
    return functional.binary_cross_entropy_with_logits(scores, present, reduction="none")


def hard_pixels(losses: Tensor, labels: Tensor, threshold: float, keep: float) -> tuple[Tensor, Tensor]:
    """Online hard example mining (Sec. 4.3): which pixels are hard (N, H, W), and their number in all processes.

    A pixel is hard if the probability of its class is at most `threshold`; where these are fewer than the share
    `keep` of all pixels of the batch (ignored ones counted, as in CCNet), the hardest ones fill up.
    """
    valid = labels != IGNORE
    ranked = torch.where(valid, losses.detach(), -1.0)
    pixels = ranked.numel() * world_size()
    count = min(math.ceil(keep * pixels), pixels)
    limit = ranked.new_full((), -math.log(threshold) if threshold > 0 else math.inf)
    if count > 0:
        # The hardest of all are among the hardest of each process.
        own = ranked.flatten().topk(min(count, ranked.numel())).values
        limit = torch.minimum(limit, gathered(own).topk(count).values[-1])
    kept = valid & (ranked >= limit)
    return kept, summed(kept.sum()).clamp(min=1)


def pixel_losses(scores: Tensor, labels: Tensor, align_corners: bool) -> Tensor:
    """Cross-entropy of each pixel, 0 where ignored: (N, H, W).

    `scores` (N, K, h, w) are upsampled bilinearly to the size of `labels` (N, H, W), int64 train ids with 255 ignored.
    Peak memory is a few maps (K, H, W), whatever N: with 171 classes and 16 crops the plain form holds 48 of them.
    """
    return _UpsampledCrossEntropy.apply(scores, labels, align_corners)


class _UpsampledCrossEntropy(torch.autograd.Function):
    """Forward keeps only its inputs; backward upsamples again. 3.5 times faster than the plain form on a CPU."""

    @staticmethod
    def forward(ctx, scores: Tensor, labels: Tensor, align_corners: bool) -> Tensor:
        # channels_last: softmax and upsampling are faster where one pixel's classes lie together.
        scores = scores.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(scores, labels)
        ctx.align_corners = align_corners
        losses = [
            functional.cross_entropy(
                _upsampled(scores, i, labels, align_corners), label.flatten(), ignore_index=IGNORE, reduction="none"
            )
            for i, label in enumerate(labels)
        ]
        return torch.stack(losses).view(labels.shape)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        scores, labels = ctx.saved_tensors
        size = list(labels.shape[1:])
        result = torch.empty_like(scores)
        for i, label in enumerate(labels):
            target = label.flatten()[:, None]
            weight = torch.where(target != IGNORE, gradient[i].flatten()[:, None], 0)
            # d loss / d score = softmax - one hot, times the pixel's weight.
            rows = torch.softmax(_upsampled(scores, i, labels, ctx.align_corners), dim=1).mul_(weight)
            rows.scatter_add_(1, torch.where(target != IGNORE, target, 0), -weight)
            full = rows.view(1, *size, -1).permute(0, 3, 1, 2)
            result[i] = torch.ops.aten.upsample_bilinear2d_backward(
                full, size, [1, *scores.shape[1:]], ctx.align_corners, None, None
            )[0]
        return result, None, None


def _upsampled(scores: Tensor, i: int, labels: Tensor, align_corners: bool) -> Tensor:
    """The scores (K, h, w) of image i upsampled to (H * W, K)."""
    # A slice keeps the strides by which torch knows channels_last; an index would cost a copy.
    image = scores[i : i + 1]
    full = functional.interpolate(image, size=labels.shape[1:], mode="bilinear", align_corners=align_corners)
    return full.permute(0, 2, 3, 1).reshape(-1, full.shape[1])
