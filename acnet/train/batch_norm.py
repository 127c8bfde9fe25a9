"""Batch normalization that does not depend on how many processes share a batch."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.distributed import gathered, world_size
from acnet.errors import AcnetError

_PIXELS = 2048  # that torch sums up in float32


def use_global_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """`network` with every BN taking the statistics of the global batch over the processes.

    On a CPU each becomes a GlobalBatchNorm, with one process too, so that all numbers of processes have the same
    forward pass, bit by bit. On a GPU they are torch's own.
    """
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network) if world_size() > 1 else network
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(network, name, GlobalBatchNorm.of(child))
        else:
            use_global_batch_norm(child, device)
    return network


class GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):  # no BatchNorm2d: a process may hold a single image
    """nn.BatchNorm2d over the images of all processes.

    torch's own sums a channel of the whole batch up in float32, one pixel after another: a mean that is off by 1e-5
    flips ReLUs, and the gradients of a deep network are off by percents. Here each image's moments are taken from
    short runs of pixels, and merged in float64 in the order of the global batch.
    """

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> "GlobalBatchNorm":
        """One with the parameters and statistics of `norm`."""
        made = cls(norm.num_features, norm.eps, norm.momentum).train(norm.training)
        made.weight, made.bias = norm.weight, norm.bias
        made.running_mean, made.running_var = norm.running_mean, norm.running_var
        made.num_batches_tracked = norm.num_batches_tracked
        return made

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same, normalized over N of all processes, H and W.

        Raises AcnetError in training if that is a single value for each channel.
        """
        if not self.training:
            statistics = self.running_mean, self.running_var
            return functional.batch_norm(features, *statistics, self.weight, self.bias, eps=self.eps)
        output, mean, variance, count = _Normalize.apply(features, self.weight, self.bias, self.eps)
        if count == 1:
            raise AcnetError(
                "train.batch: BN cannot train on a 1x1 map of 1 image; each micro-batch (train.batch / accumulate) "
                "needs 2 images or more"
            )
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return output


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, int]:
        """The normalized features, their mean (C,) and variance (C,), and the number of values of a channel."""
        features = features.contiguous(memory_format=torch.channels_last)
        # Their dtype is what tells torch to answer half precision in float32.
        unused = torch.zeros_like(weight), torch.zeros_like(weight)
        moments = _by_run(lambda part: torch.batch_norm_update_stats(part, *unused, 0.0), features)
        means, variances = gathered(moments).double().unbind(2)
        height, width = features.shape[2:]
        share = [(run.stop - run.start) / height for run in _runs(height, width)]
        share = torch.tensor(share, dtype=torch.float64)[:, None] / len(means)
        mean = (share * means).sum((0, 1))
        variance = variances.add_((means - mean).square_()).mul_(share).sum((0, 1))
        mean, variance = mean.to(weight.dtype), variance.to(weight.dtype)
        ctx.save_for_backward(features, weight, mean, variance)
        ctx.eps, ctx.count = eps, len(means) * height * width
        ctx.mark_non_differentiable(mean, variance)
        output = torch.batch_norm(features, weight, bias, mean, variance, False, 0.0, eps, False)
        return output, mean, variance, ctx.count

    @staticmethod
    def backward(ctx, gradient: Tensor, *_) -> tuple[Tensor, Tensor, Tensor, None]:
        features, weight, mean, variance = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)

        def of_parameters(gradient: Tensor, features: Tensor) -> Iterable[Tensor]:
            return torch.ops.aten.native_batch_norm_backward(
                gradient, features, weight, mean, variance, None, None, False, ctx.eps, [False, True, True]
            )[1:]

        own = _by_run(of_parameters, gradient, features)
        of_weight, of_bias = gathered(own).double().sum((0, 1))
        deviation = torch.rsqrt(variance.double() + ctx.eps)
        # w / s (g - mean(g) - x' mean(g x')) with x' = (x - m) / s, as a g + b x + c.
        a = weight * deviation
        b = a * deviation * of_weight / -ctx.count
        c = a * of_bias / -ctx.count - b * mean
        a, b, c = torch.stack([a, b, c])[:, :, None, None].to(gradient.dtype)
        result = torch.addcmul(c, features, b, out=torch.empty_like(gradient)).addcmul_(gradient, a)
        of_weight, of_bias = own.double().sum((0, 1)).to(weight.dtype)
        return result, of_weight, of_bias, None


def _by_run(measure: Callable[..., Iterable[Tensor]], *maps: Tensor) -> Tensor:
    """The two values (C,) that `measure` finds for each run of rows of each image of (N, C, H, W): (N, runs, 2, C)."""
    images, channels, height, width = maps[0].shape
    found = []
    for i in range(images):
        for run in _runs(height, width):
            found += measure(*(full[i : i + 1, :, run] for full in maps))  # slices stay channels_last
    return torch.stack(found).view(images, -1, 2, channels)


def _runs(height: int, width: int) -> list[slice]:
    """The rows of a map in runs of about _PIXELS pixels."""
    rows = max(1, _PIXELS // width)
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
