"""What the global gate promises, in float32 at native resolution, and under autocast."""

import pytest
import torch

from acnet.errors import AcnetError
from acnet.model import GlobalContextModule

from .variants import randomise, small


def gcm(channels=32, delta=5.0, **options):
    torch.manual_seed(0)
    return randomise(GlobalContextModule(channels, delta, **options)).eval()


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("delta", [2.0, 5.0, 10.0])
def test_gate_lies_in_the_unit_interval_and_its_maximum_is_one_in_every_image(spread, delta):
    module = gcm(delta=delta)
    a = torch.randn(4, 32, 9, 13).relu() * spread
    gate = module(a)[1]
    assert gate.dtype == torch.float32
    assert torch.equal(gate.amax(dim=(1, 2, 3)), torch.ones(4))
    assert gate.min() >= 0
    d = module.distance(a, module.global_feature(a))
    near = (d - d.amin(dim=(2, 3), keepdim=True)) / delta < 80
    assert (gate[near] > 0).all()


def test_gate_falls_with_distance_and_reaches_zero_only_by_underflow():
    module = gcm(channels=1, delta=1.0)
    a = torch.tensor([0.0, 1.0, 79.9, 200.0]).view(1, 1, 1, 4)
    gate = module.gate(a, torch.zeros(1, 1, 1, 1)).flatten()
    assert gate[0] == 1
    assert gate[1].item() == pytest.approx(0.36787945)
    assert 0 < gate[2] < 1e-30
    assert gate[3] == 0


def test_distance_scaled_by_width_keeps_the_gate_near_one():
    a = torch.randn(2, 512, 6, 6).relu()
    raw, scaled = (gcm(512, distance=kind)(a)[1].mean() for kind in ("euclidean", "scaled"))
    assert scaled > 0.9 > raw


def test_gates_do_not_depend_on_the_other_images_of_the_batch():
    network = randomise(small("acb3")).eval()
    images = torch.randn(3, 3, 65, 65)
    with torch.no_grad():
        first = network(images[[0, 1]])
        second = network(images[[0, 2]])
        alone = network(images[[0]])
    for one, other, single in zip(first["gates"], second["gates"], alone["gates"], strict=True):
        assert torch.equal(one[0], other[0])
        assert not torch.equal(one[1], other[1])
        torch.testing.assert_close(one[0], single[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first["logits"][0], alone["logits"][0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_keeps_the_distance_in_float32(dtype):
    module = gcm(channels=256)
    a = torch.randn(2, 256, 9, 9).relu().to(dtype)
    with torch.autocast("cpu", dtype):
        p = module.global_feature(a)
        context, gate = module(a)
    assert p.dtype == dtype
    d = torch.linalg.vector_norm(a.float() - p.float(), dim=1, keepdim=True)
    expected = torch.exp(-(d - d.amin(dim=(2, 3), keepdim=True)) / 5)
    assert gate.dtype == torch.float32
    assert torch.equal(gate, expected)
    in_half = torch.linalg.vector_norm(a - p, dim=1, keepdim=True).float()
    assert not torch.equal(d, in_half), "this input cannot tell the precisions apart"
    assert context.dtype == dtype, "the sum stays in the features' own type"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_network_under_autocast_gives_float32_gates_and_finite_gradients(dtype):
    network = small("acb3", auxiliary=True)
    with torch.autocast("cpu", dtype):
        output = network(torch.randn(2, 3, 65, 65))
    assert [g.dtype for g in output["gates"]] == [torch.float32] * 3
    assert all(torch.equal(g.amax(dim=(1, 2, 3)), torch.ones(2)) for g in output["gates"])
    assert output["logits"].dtype == output["auxiliary"].dtype == torch.float32
    (output["logits"].mean() + output["auxiliary"].mean()).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_distance_of_huge_half_precision_features_does_not_overflow():
    module = gcm(channels=256)
    a = torch.full((1, 256, 2, 2), 6e4, dtype=torch.float16)
    a[..., 0] = 0
    d = module.distance(a, torch.zeros(1, 256, 1, 1, dtype=torch.float16))
    assert d.isfinite().all()
    assert d.max().item() == pytest.approx(16 * 6e4, rel=1e-3)


def test_one_image_in_training_is_refused_unless_nothing_is_normalised():
    a = torch.randn(1, 32, 4, 4)
    with pytest.raises(AcnetError, match=r"model\.global_conv: .*train\.batch.*conv1x1"):
        gcm().train()(a)
    gcm()(a)
    gcm(convolution="conv1x1").train()(a)
    gcm(convolution="conv_then_pool").train()(a)
    frozen = gcm().train()
    frozen.convolution[1].eval()
    frozen(a)
