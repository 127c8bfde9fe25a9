"""Cross-entropy with void pixels left out, online hard example mining, and the auxiliary loss."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from acnet.data.classes import VOID


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the pixels that are not void; zero where all are.

    `logits` (N, K, H, W), `labels` (N, H, W) int64 train ids with 255 void.
    """
    total = functional.cross_entropy(logits.float(), labels, ignore_index=VOID, reduction="sum")
    return total / (labels != VOID).sum().clamp(min=1)


def hard_cross_entropy(logits: Tensor, labels: Tensor, threshold: float, keep: float) -> tuple[Tensor, Tensor]:
    """Online hard example mining (Sec. 4.3): the mean cross-entropy over the hard pixels, and how many they are.

    A pixel is hard if the probability of its true class is at most `threshold`; where these are fewer than the
    share `keep` of all pixels of the batch (void ones counted, as in CCNet), the hardest ones fill up.
    """
    losses = functional.cross_entropy(logits.float(), labels, ignore_index=VOID, reduction="none").flatten()
    valid = (labels != VOID).flatten()
    losses = torch.where(valid, losses, losses.new_tensor(-1.0))
    count = min(math.ceil(keep * losses.numel()), losses.numel())
    limit = losses.detach().new_tensor(-math.log(threshold) if threshold > 0 else math.inf)
    if count > 0:
        limit = torch.minimum(limit, losses.detach().topk(count).values[-1])
    kept = valid & (losses.detach() >= limit)
    return torch.where(kept, losses, 0.0).sum() / kept.sum().clamp(min=1), kept.sum()


def total_loss(output: Mapping[str, Tensor], labels: Tensor, train: Mapping) -> dict[str, Tensor]:
    """The loss of a step and its parts: total, main, auxiliary (if any), kept (share of pixels with OHEM)."""
    if train["ohem"]:
        main, count = hard_cross_entropy(output["logits"], labels, train["ohem_threshold"], train["ohem_keep"])
        parts = {"main": main, "kept": count / labels.numel()}
    else:
        main = cross_entropy(output["logits"], labels)
        parts = {"main": main}
    total = main
    if "auxiliary" in output:
        parts["auxiliary"] = cross_entropy(output["auxiliary"], labels)
        total = total + train["auxiliary_weight"] * parts["auxiliary"]
    return {"total": total, **parts}
