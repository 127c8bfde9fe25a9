"""Every equation against the NumPy reference: float32 within 1e-5 of the largest magnitude, gradients in float64."""

import numpy as np
import pytest
import torch

from acnet.model import AdaptiveContextBlock, GlobalContextModule, LocalContextModule
from acnet.model.layers import upsample

from . import reference
from .variants import randomise

C, H, W, DELTA = 6, 5, 7, 2.0


def arrays(module):
    return {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}


def features(*shape, seed=0, positive=True):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return (x.abs() if positive else x) * 3


def array(tensor):
    return tensor.detach().double().numpy()


def assert_close(ours, theirs):
    error = np.abs(array(ours) - theirs).max()
    assert error <= 1e-5 * np.abs(theirs).max(), f"off by {error} of {np.abs(theirs).max()}"


def gcm(**options):
    torch.manual_seed(1)
    return randomise(GlobalContextModule(C, DELTA, **options)).eval()


def lcm(reuse=3, gated=True):
    torch.manual_seed(2)
    return randomise(LocalContextModule(4, C, 5, local_channels=3, reuse=reuse, gated=gated)).eval()


CONVOLUTIONS = ["conv_bn_relu", "conv1x1"]


def test_equation_3_sum_and_its_learned_factor():
    module, a = gcm(), features(2, C, H, W)
    context, gate = module(a)
    p = array(module.global_feature(a))[:, :, 0, 0]
    assert_close(context, reference.fuse_global(array(a), p, array(gate)[:, 0], module.alpha.item()))
    assert GlobalContextModule(C).alpha.item() == 1


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("distance", ["euclidean", "scaled"])
def test_whole_global_context_module(kind, distance):
    module, a = gcm(convolution=kind, distance=distance), features(2, C, H, W)
    context, gate = module(a)
    expected = reference.global_context(
        array(a), arrays(module), DELTA, convolution_kind=kind, scaled=distance == "scaled"
    )
    assert context.shape == (2, C, H, W)
    assert gate.shape == (2, 1, H, W)
    assert_close(context, expected[0])
    assert_close(gate[:, 0], expected[1])


def test_global_context_without_gate_adds_the_same_to_every_pixel():
    module, a = gcm(gated=False), features(2, C, H, W)
    context, gate = module(a)
    assert torch.equal(gate, torch.ones(2, 1, H, W))
    assert_close(context, reference.global_context(array(a), arrays(module), DELTA, gated=False)[0])


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(9, 13), (10, 14), (3, 4), (1, 1)])
def test_upsampling(size, align_corners):
    x = features(2, 3, 5, 7)
    assert_close(upsample(x, size, align_corners), reference.upsample(array(x), *size, align_corners))


@pytest.mark.parametrize("reuse", [1, 2, 3])
def test_equations_4_and_5_whole_local_context_module(reuse):
    module = lcm(reuse)
    low, high, gate = features(2, 4, 9, 11), features(2, C, 9, 11, seed=1), torch.rand(2, 1, 9, 11)
    fused = module(low, high, gate)
    assert fused.shape == (2, 5, 9, 11)
    assert_close(fused, reference.local_context(array(low), array(high), 1 - array(gate)[:, 0], arrays(module), reuse))


@pytest.mark.parametrize("reuse", [1, 3])
def test_local_context_without_gate_fuses_the_whole_feature(reuse):
    module = lcm(reuse, gated=False)
    low, high, whole = features(2, 4, 9, 11), features(2, C, 9, 11, seed=1), np.ones((2, 9, 11))
    assert_close(module(low, high), reference.local_context(array(low), array(high), whole, arrays(module), reuse))


def test_local_context_begins_with_beta_one():
    assert LocalContextModule(4, C, 5).beta.item() == 1


@pytest.mark.parametrize("align_corners", [True, False])
def test_whole_adaptive_context_block(align_corners):
    block = AdaptiveContextBlock(gcm(), lcm(), align_corners)
    a, low = features(2, C, H, W), features(2, 4, 9, 14, seed=1)
    refined, gate = block(a, low)
    expected = reference.adaptive_block(array(a), array(low), arrays(block), DELTA, 3, align_corners)
    assert_close(refined, expected[0])
    assert_close(gate[:, 0], expected[1])


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_the_global_context_module(kind, training):
    module = gcm(convolution=kind).double().train(training)
    a = features(3, C, 3, 4).double().requires_grad_()
    before_relu = torch.nn.Sequential(module.pool, *list(module.convolution)[:2])(a)
    d = module.distance(a, module.global_feature(a)).flatten(1).sort(dim=1).values
    assert before_relu.abs().min() > 1e-3, "too near a kink of ReLU to differentiate"
    assert (d[:, 1] - d[:, 0]).min() > 1e-3, "too near a tie of the minimum to differentiate"
    parameters = list(module.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: module(x), (a, *parameters))


@pytest.mark.parametrize("reuse", [1, 3])
def test_gradients_of_the_local_context_module(reuse):
    module = lcm(reuse).double()
    low, high = features(1, 4, 3, 4).double(), features(1, C, 3, 4, seed=3).double()
    gate = torch.rand(1, 1, 3, 4, generator=torch.Generator().manual_seed(0)).double()
    kinks = []
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(lambda *call: kinks.append(call[2].detach().abs().min()))
    inputs = [x.requires_grad_() for x in (low, high, gate)]
    module(*inputs)
    assert min(kinks) > 1e-4, "too near a kink of ReLU to differentiate"
    assert torch.autograd.gradcheck(lambda *x: module(*x[:3]), (*inputs, *module.parameters()))


def test_gradient_flows_through_the_minimum():
    """d(sum of gates)/da with k held fixed would be another value."""
    module = gcm(convolution="conv1x1").double()
    a = features(1, C, 3, 4).double().requires_grad_()
    module.gate(a, module.global_feature(a)).sum().backward()
    d = module.distance(a, module.global_feature(a))
    held = torch.exp((d.detach().amin() - d) / DELTA).sum()
    (with_k_held,) = torch.autograd.grad(held, a)
    nearest = d.flatten().argmin()
    difference = (a.grad - with_k_held).flatten(2)
    assert difference[..., nearest].abs().max() > 0.01
    # Moving every distance alike changes no gate: the gradient with respect to d sums to 0.
    shift = torch.zeros(1, requires_grad=True, dtype=torch.double)
    moved = d.detach() + shift
    torch.exp((moved.amin() - moved) / DELTA).sum().backward()
    assert shift.grad.abs() < 1e-12


@pytest.mark.parametrize("value", [0.0, 3.0])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("training", [False, True])
def test_constant_features_give_finite_gradients(value, kind, training):
    module = gcm(convolution=kind).train(training)
    if kind == "conv1x1":  # p equals every a_i exactly
        module.convolution[0].weight.data = torch.eye(C)[:, :, None, None]
        module.convolution[0].bias.data.zero_()
    a = torch.full((2, C, 3, 4), value, requires_grad=True)
    context, gate = module(a)
    (context.sum() + gate.sum()).backward()
    assert torch.equal(gate, torch.ones_like(gate))
    assert all(x.isfinite().all() for x in (context, a.grad, *(p.grad for p in module.parameters())))


def test_a_pixel_equal_to_the_global_feature_gives_finite_gradients():
    module = gcm(convolution="conv1x1")
    a = features(1, C, 3, 4)
    p = a[:, :, 1:2, 2:3].clone().requires_grad_()
    a.requires_grad_()
    gate = module.gate(a, p)
    gate.sum().backward()
    assert gate[0, 0, 1, 2] == 1
    assert a.grad.isfinite().all()
    assert p.grad.isfinite().all()
