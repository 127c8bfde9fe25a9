"""What the controls change in a network: the form of p, the gate's values and places, where context is, what learns."""

import pytest
import torch

from acnet.model import GlobalContextModule, context_scalars, steer_gates
from acnet.model.layers import upsample
from acnet.train.step import TrainingStep
from tests.tiny import tiny_run

from . import reference
from .variants import randomise, small


def gcm(channels=8, **options):
    torch.manual_seed(0)
    return randomise(GlobalContextModule(channels, 2.0, **options)).eval()


def features(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).abs() * 3


def test_a_bare_convolution_commutes_with_pooling_and_one_with_bn_and_relu_does_not():
    a = features(2, 8, 5, 7)
    bare, first = gcm(convolution="conv1x1"), gcm(convolution="conv_then_pool")
    torch.testing.assert_close(bare.global_feature(a), bare.pool(bare.convolution(a)))
    state = {name: tensor.double().numpy() for name, tensor in first.state_dict().items()}
    each = reference.conv_bn_relu(a.double().numpy(), state, "convolution")
    expected = torch.from_numpy(each.mean(axis=(2, 3), keepdims=True)).float()
    torch.testing.assert_close(first.global_feature(a), expected)
    assert (expected - first.convolution(first.pool(a))).abs().max() > 0.1


def test_bn_before_pooling_sees_every_pixel_of_a_single_image():
    module, a = GlobalContextModule(8, convolution="conv_then_pool"), features(1, 8, 5, 7)
    module.global_feature(a)
    seen = module.convolution[0](a).mean((0, 2, 3))
    torch.testing.assert_close(module.convolution[1].running_mean, 0.1 * seen)


@pytest.mark.parametrize("after", ["none", "conv_bn_relu"])
def test_gc_adds_one_number_per_class_unless_a_convolution_follows(after):
    network = randomise(small("gc", after_context=after)).eval()
    images = torch.randn(1, 3, 65, 65)
    with torch.no_grad():
        network.blocks[0].global_context.alpha.fill_(30.0)
        much = network(images, native=True)["logits"]
        network.blocks[0].global_context.alpha.fill_(0.0)
        added = much - network(images, native=True)["logits"]
    spread = (added.amax((2, 3)) - added.amin((2, 3))).max()
    assert added.abs().max() > 0.5
    assert (spread < 1e-4) == (after == "none")


def test_a_constant_gate_is_the_running_mean_of_the_modules_own():
    module, a = gcm(gate="constant").train(), features(3, 8, 5, 7)
    mean = module.gate(a, module.global_feature(a)).mean().item()
    assert mean < 0.9
    used = [module(a)[1] for _ in range(2)]
    assert used[0].unique().tolist() == pytest.approx([0.9 + 0.1 * mean])
    assert used[1].unique().tolist() == pytest.approx([0.81 + 0.19 * mean])
    assert module.eval()(a[:1])[1].unique().tolist() == used[1].unique().tolist()
    assert set(module.state_dict()) - set(gcm().state_dict()) == {"control.mean"}


def test_no_gradient_reaches_the_features_through_a_constant_gate():
    a = features(2, 8, 5, 7).requires_grad_()
    assert gcm().train()(a)[1].requires_grad
    assert not gcm(gate="constant").train()(a)[1].requires_grad


def test_a_shuffled_gate_keeps_its_values_and_loses_their_places():
    plain, module, a = gcm(), gcm(gate="shuffled"), features(2, 8, 5, 7)
    kept = plain(a)[1].flatten(1)
    steer_gates(module, [3, 4])
    first = module(a)[1].flatten(1)
    assert torch.equal(first.sort().values, kept.sort().values)
    assert (first != kept).float().mean() > 0.8
    assert torch.equal(module(a)[1].flatten(1), first)
    steer_gates(module, [4])
    assert torch.equal(module(a[1:])[1].flatten(1), first[1:]), "an image's order depends on its own seed only"
    steer_gates(module, [5])
    assert not torch.equal(module(a[1:])[1].flatten(1), first[1:])


def test_the_local_gate_is_one_minus_the_same_shuffled_gate():
    network = small("acb1", gate="shuffled").eval()
    taken = []
    network.blocks[0].local_context.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[2]))
    (gate,) = network(torch.randn(2, 3, 65, 65))["gates"]
    assert torch.equal(taken[0], upsample(gate, (9, 9), True))


def test_a_protocol_flattens_or_shuffles_the_gates_of_a_trained_network():
    network, images = small("acb1").eval(), torch.randn(2, 3, 65, 65)
    (trained,) = network(images)["gates"]
    steer_gates(network, [1, 2], "constant")
    (constant,) = network(images)["gates"]
    torch.testing.assert_close(constant, trained.mean((2, 3), keepdim=True).expand_as(trained))
    steer_gates(network, [1, 2], "shuffled")
    (shuffled,) = network(images)["gates"]
    assert torch.equal(shuffled.flatten(1).sort().values, trained.flatten(1).sort().values)
    assert not torch.equal(shuffled, trained)
    steer_gates(network, [1, 2])
    assert torch.equal(network(images)["gates"][0], trained)


def test_global_context_in_the_third_block_only():
    network = small("acb3", local_context="lc", global_blocks=[3]).eval()
    assert [block.global_context is not None for block in network.blocks] == [False, False, True]
    assert [tuple(gate.shape[2:]) for gate in network(torch.randn(1, 3, 97, 131))["gates"]] == [(25, 33)]


def test_a_dilated_reduction_reads_six_cells_away_and_keeps_the_size():
    reduction = small("fcn", reduction_dilation=6).eval().reduction
    layer4 = torch.randn(1, 64, 17, 17, requires_grad=True)
    result = reduction(layer4)
    assert result.shape == (1, 16, 17, 17)
    result[0, :, 8, 8].sum().backward()
    assert layer4.grad[0].any(0).nonzero()[:, 0].unique().tolist() == [2, 8, 14]


@pytest.fixture
def step():
    """A function from changes of the tiny run to its training step."""

    def make(**changes):
        run = tiny_run(dropout=0.0, auxiliary=False, weight_decay=0.1, **changes)
        torch.manual_seed(0)
        return TrainingStep(small("acb3", **changes), run.train, torch.device("cpu"))

    return make


BATCH = (
    torch.randn(2, 3, 49, 49, generator=torch.Generator().manual_seed(2)),
    torch.arange(2 * 49 * 49).view(2, 49, 49) % 5,
)


def test_fixed_alphas_and_betas_stay_one_under_weight_decay_and_are_still_reported(step):
    taken = step(learn_scalars=False)
    taken(*BATCH, seed=1)
    assert {name: value.item() for name, value in context_scalars(taken.network).items()} == {
        f"blocks.{name}": 1.0
        for name in ("0.global_context.alpha", "0.local_context.beta", "1.global_context.alpha",
                     "1.local_context.beta", "2.global_context.alpha")
    }  # fmt: skip


def test_shuffled_gates_are_drawn_anew_in_each_step_from_its_seed(step):
    losses = [step(gate="shuffled")(*BATCH, seed=seed)[0].item() for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
