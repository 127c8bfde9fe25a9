"""Batch normalisation that does not depend on how many processes share a batch."""

import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from acnet.errors import AcnetError

_PIXELS = 2048  # that torch sums up in float32


def steady_norms(network: nn.Module, device: torch.device, processes: int) -> nn.Module:
    """`network` with every BN taking the statistics of the global batch over `processes`.

    On a CPU each becomes a SteadyNorm, with one process too, so that all numbers of processes take the same forward
    pass, bit by bit. On a GPU they are torch's own.
    """
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network) if processes > 1 else network
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(network, name, SteadyNorm.of(child))
        else:
            steady_norms(child, device, processes)
    return network


class SteadyNorm(nn.modules.batchnorm._BatchNorm):
    """nn.BatchNorm2d over the images of all processes.

    torch's own sums a channel of the whole batch up in float32, one pixel after another: a mean that is off by 1e-5
    flips ReLUs, and the gradients of a deep network are off by percents. Here each image's moments are taken from
    short runs of pixels, and merged in float64 in the order of the global batch.
    """

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> "SteadyNorm":
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
        """(N, C, H, W) -> the same, normalised over N of all processes, H and W.

        Raises AcnetError in training if that is a single value for each channel.
        """
        self._check_input_dim(features)
        if not self.training:
            return functional.batch_norm(
                features, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        found, mean, variance, count = _Normalise.apply(features, self.weight, self.bias, self.eps)
        if count == 1:
            raise AcnetError(
                "train.batch: BN cannot train on a 1x1 map of 1 image; set train.batch to 2 or more, or "
                "model.global_conv to 'conv1x1'"
            )
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return found


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, int]:
        """The normalised features, their mean (C,) and variance (C,), and the number of values of a channel."""
        features = features.contiguous(memory_format=torch.channels_last)
        moments = _gathered(_moments(features, weight)).double()
        means, variances = moments.unbind(2)
        share = _shares(features.shape[2], _rows(features, _PIXELS)) / len(means)
        mean = (share * means).sum((0, 1))
        variance = variances.add_((means - mean).square_()).mul_(share).sum((0, 1))
        mean, variance = mean.to(weight.dtype), variance.to(weight.dtype)
        ctx.save_for_backward(features, weight, mean, variance)
        ctx.eps, ctx.count = eps, len(means) * features.shape[2] * features.shape[3]
        ctx.mark_non_differentiable(mean, variance)
        return (
            torch.batch_norm(features, weight, bias, mean, variance, False, 0.0, eps, False),
            mean,
            variance,
            ctx.count,
        )

    @staticmethod
    def backward(ctx, gradient: Tensor, *_) -> tuple[Tensor, Tensor, Tensor, None]:
        features, weight, mean, variance = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        mine = _gradients(gradient, features, weight, mean, variance, ctx.eps)
        total = _gathered(mine).double().sum((0, 1))
        of_weight, of_bias = total
        deviation = torch.rsqrt(variance.double() + ctx.eps)
        # w / s (g - mean(g) - x' mean(g x')) with x' = (x - m) / s, as a g + b x + c.
        a = weight * deviation
        b = a * deviation * of_weight / -ctx.count
        c = a * of_bias / -ctx.count - b * mean
        a, b, c = torch.stack([a, b, c])[:, :, None, None].to(gradient.dtype)
        result = torch.addcmul(c, features, b, out=torch.empty_like(gradient)).addcmul_(gradient, a)
        if torch.distributed.is_initialized():
            total = mine.double().sum((0, 1))
        of_weight, of_bias = total.to(weight.dtype)
        return result, of_weight, of_bias, None


def _moments(features: Tensor, weight: Tensor) -> Tensor:
    """Mean and variance of each channel of each run of pixels of each image: (N, runs, 2, C)."""
    # Their dtype is what tells torch to answer half precision in float32.
    unused = torch.zeros_like(weight), torch.zeros_like(weight)
    found = []
    for part in _parts(features, _PIXELS):
        found += torch.batch_norm_update_stats(features[part], *unused, 0.0)
    return torch.stack(found).view(len(features), -1, 2, len(weight))


def _gradients(
    gradient: Tensor, features: Tensor, weight: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> Tensor:
    """Gradients of weight and bias by each run of pixels of each image: (N, runs, 2, C)."""
    found = []
    for part in _parts(features, _PIXELS):
        found += torch.ops.aten.native_batch_norm_backward(
            gradient[part], features[part], weight, mean, variance, None, None, False, eps, [False, True, True]
        )[1:]
    return torch.stack(found).view(len(features), -1, 2, len(weight))


def _parts(features: Tensor, pixels: int) -> Iterator[tuple[slice, slice, slice]]:
    """Indices of runs of whole rows of (N, C, H, W), image by image; as slices, which stay channels_last."""
    rows, height = _rows(features, pixels), features.shape[2]
    for i in range(len(features)):
        for top in range(0, height, rows):
            yield slice(i, i + 1), slice(None), slice(top, min(top + rows, height))


def _rows(features: Tensor, pixels: int) -> int:
    return max(1, pixels // features.shape[3])


@functools.cache
def _shares(height: int, rows: int) -> Tensor:
    """Which share of an image each of its runs is: (runs, 1) float64."""
    return torch.tensor([min(rows, height - top) / height for top in range(0, height, rows)], dtype=torch.float64)[
        :, None
    ]


def _gathered(values: Tensor) -> Tensor:
    """The values of every image (N, ...) of all processes, in the order of the global batch."""
    if not torch.distributed.is_initialized():
        return values
    parts = [torch.empty_like(values) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, values)
    return torch.cat(parts)
