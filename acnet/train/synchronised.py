"""Batch normalisation over the images of all processes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.model.layers import at_least_float32


def synchronise_norms(network: nn.Module, device: torch.device) -> nn.Module:
    """Replace every BN by one whose statistics are the global batch's."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(network, name, SynchronisedNorm.of(child))
        else:
            synchronise_norms(child, device)
    return network


class SynchronisedNorm(nn.modules.batchnorm._BatchNorm):
    """nn.SyncBatchNorm for processes on CPUs, where torch has none: equal to BN over the joined batch."""

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> "SynchronisedNorm":
        """One with the parameters and statistics of `norm`."""
        made = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        made.weight, made.bias = norm.weight, norm.bias
        made.running_mean, made.running_var = norm.running_mean, norm.running_var
        made.num_batches_tracked, made.training = norm.num_batches_tracked, norm.training
        return made

    def _check_input_dim(self, features: Tensor) -> None:
        if features.ndim != 4:
            raise ValueError(f"expected 4 dimensions, got {features.ndim}")

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same, normalised over N of all processes, H and W."""
        self._check_input_dim(features)
        if not self.training:
            return functional.batch_norm(
                features, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        wide = at_least_float32(features)
        count = wide.numel() // wide.shape[1] * torch.distributed.get_world_size()
        mean = _sum(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        # In two passes: a difference of squares would lose the digits that float64 comparisons ask for.
        variance = _sum(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var.dtype), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return torch.addcmul(self.bias[:, None, None], centred, scale[:, None, None]).to(features.dtype)


def _sum(values: Tensor) -> Tensor:
    return _SumOverProcesses.apply(values)


class _SumOverProcesses(torch.autograd.Function):
    """The sum over the processes. Each process's value reaches every loss, so the gradient is again the sum."""

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        torch.distributed.all_reduce(total)
        return total
