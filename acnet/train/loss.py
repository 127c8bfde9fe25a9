"""Cross-entropy with void pixels left out, online hard example mining, and the auxiliary loss.

Every loss here is this process's share: summed over the processes it is the loss of the global batch, whatever
their number, since the divisor is the global count of pixels.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from acnet.data.classes import VOID
from acnet.params.training import TrainingConfig
from acnet.train.parallel import Processes
from acnet.train.pixel_loss import pixel_losses


def total_loss(
    output: Mapping[str, Tensor],
    labels: Tensor,
    train: TrainingConfig,
    align_corners: bool,
    valid: int,
    processes: Processes,
) -> dict[str, Tensor]:
    """The loss of a (micro-)batch and its parts: total, main, auxiliary (if any), kept (share of pixels with OHEM).

    `output` holds scores at the network's own size; `valid` is the number of pixels that are not void in the whole
    global batch of the step. Under accumulation OHEM mines each micro-batch, and its mean counts as one of them.
    """
    losses = pixel_losses(output["logits"], labels, align_corners)
    if train.ohem:
        kept, count = hard_pixels(losses, labels, train.ohem_threshold, train.ohem_keep, processes)
        share = 1 / train.accumulate
        # No comparison keeps a NaN: without the last term a broken network would have the loss 0.
        main = torch.where(kept, losses, 0).sum() / count * share + 0 * losses.detach().sum()
        parts = {"main": main, "kept": kept.sum() / (labels.numel() * processes.size) * share}
    else:
        main = losses.sum() / max(1, valid)
        parts = {"main": main}
    total = main
    if "auxiliary" in output:
        parts["auxiliary"] = pixel_losses(output["auxiliary"], labels, align_corners).sum() / max(1, valid)
        total = total + train.auxiliary_weight * parts["auxiliary"]
    return {"total": total, **parts}


def hard_pixels(
    losses: Tensor, labels: Tensor, threshold: float, keep: float, processes: Processes
) -> tuple[Tensor, Tensor]:
    """Online hard example mining (Sec. 4.3): which pixels are hard (N, H, W), and their number in all processes.

    A pixel is hard if the probability of its true class is at most `threshold`; where these are fewer than the
    share `keep` of all pixels of the batch (void ones counted, as in CCNet), the hardest ones fill up.
    """
    valid = labels != VOID
    ranked = torch.where(valid, losses.detach(), -1.0)
    count = min(math.ceil(keep * ranked.numel() * processes.size), ranked.numel() * processes.size)
    limit = ranked.new_full((), -math.log(threshold) if threshold > 0 else math.inf)
    if count > 0:
        # The hardest of all are among the hardest of each.
        mine = ranked.flatten().topk(min(count, ranked.numel())).values
        limit = torch.minimum(limit, processes.gathered(mine).topk(count).values[-1])
    kept = valid & (ranked >= limit)
    return kept, processes.sum(kept.sum()).clamp(min=1)
