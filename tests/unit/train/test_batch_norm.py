"""Batch normalisation whose result is a function of the global batch alone."""

import pytest
import torch
from torch import nn

from acnet.errors import AcnetError
from acnet.train import batch_norm
from acnet.train.batch_norm import GlobalBatchNorm


def features(dtype=torch.float64, size=(3, 6, 9, 7)):
    made = 2 + torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return made.to(dtype, memory_format=torch.channels_last).requires_grad_()


def norm(dtype=torch.float64):
    made = nn.BatchNorm2d(6).to(dtype)
    with torch.no_grad():
        made.weight.copy_(torch.linspace(0.5, 2, 6))
        made.bias.copy_(torch.linspace(-1, 1, 6))
    return made


@pytest.mark.parametrize("pixels", [1, 20, 1024])
def test_output_gradients_and_running_statistics_are_those_of_batch_norm(monkeypatch, pixels):
    monkeypatch.setattr(batch_norm, "_PIXELS", pixels)
    plain, ours = norm(), GlobalBatchNorm.of(norm())
    found = []
    for module in (plain, ours):
        x = features()
        y = module(x)
        loss = (y * torch.arange(y.numel(), dtype=y.dtype).view_as(y).sin()).sum()
        found.append([y, *torch.autograd.grad(loss, (x, module.weight, module.bias)), *module.buffers()])
    assert len(found[0]) == 7
    for expected, value in zip(*found, strict=True):
        assert torch.allclose(value, expected, atol=1e-10)


def test_in_evaluation_it_uses_the_running_statistics():
    plain, ours = norm().eval(), GlobalBatchNorm.of(norm()).eval()
    assert torch.equal(plain(features()), ours(features()))


def test_a_mean_is_right_to_a_few_digits_of_float32_however_large_the_map():
    x = features(torch.float32, (2, 6, 200, 200))
    ours = GlobalBatchNorm.of(nn.BatchNorm2d(6, momentum=1.0))
    ours(x)
    assert (ours.running_mean - x.detach().double().mean((0, 2, 3))).abs().max() < 6e-6


def test_half_precision_is_summed_up_in_float32():
    x = features(torch.bfloat16)
    ours = GlobalBatchNorm.of(nn.BatchNorm2d(6, momentum=1.0))
    y = ours(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert torch.allclose(ours.running_mean.double(), x.detach().double().mean((0, 2, 3)), atol=1e-6)


def test_a_single_value_for_each_channel_is_refused():
    with pytest.raises(AcnetError, match=r"train.batch: BN cannot train on a 1x1 map of 1 image; each micro-batch"):
        GlobalBatchNorm.of(norm())(features(size=(1, 6, 1, 1)))
