"""Learning rates and weight decay, parameter by parameter."""

import pytest
import torch

from acnet.model import build_network
from acnet.train.optimizer import build_optimizer, poly, set_learning_rate
from tests.tiny import tiny_run


def network():
    run = tiny_run()
    return build_network(run.model, run.classes)


def settings_by_name(**changes):
    made = network()
    optimizer = build_optimizer(made, tiny_run(**changes).train)
    set_learning_rate(optimizer, 0.01)
    found = {id(p): (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    assert len(found) == sum(1 for _ in made.parameters())
    return {name: found[id(parameter)] for name, parameter in made.named_parameters()}


def test_poly_falls_from_the_base_to_nothing_at_the_last_step():
    assert poly(0.01, 0, 100, 0.9) == 0.01
    assert poly(0.01, 50, 100, 0.9) == pytest.approx(0.01 * 0.5**0.9)
    assert poly(0.01, 99, 100, 0.9) == pytest.approx(0.01 * 0.01**0.9)


def test_every_layer_but_the_backbone_learns_ten_times_as_fast():
    for name, (rate, _) in settings_by_name().items():
        assert rate == pytest.approx(0.01 if name.startswith("backbone.") else 0.1), name


def test_by_default_everything_decays():
    assert {decay for _, decay in settings_by_name().values()} == {0.0001}


def test_norms_and_biases_can_be_ignore_of_decay():
    parameters = dict(network().named_parameters())
    for name, (_, decay) in settings_by_name(decay_norm=False).items():
        parameter = parameters[name]
        scalar = name.endswith(("alpha", "beta"))
        assert decay == (0.0001 if parameter.ndim > 1 or scalar else 0), name


def test_alpha_and_beta_can_be_ignore_of_decay():
    without = {name for name, (_, decay) in settings_by_name(decay_scalars=False).items() if decay == 0}
    assert without == {"blocks.0.global_context.alpha", "blocks.0.local_context.beta"}


def test_a_step_is_that_of_sgd_with_momentum():
    made = network()
    optimizer = build_optimizer(made, tiny_run(momentum=0.5, weight_decay=0.0).train)
    set_learning_rate(optimizer, 0.01)
    weight = next(made.backbone.parameters())
    before = weight.detach().clone()
    for _ in range(2):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    assert torch.allclose(weight, before - 0.01 * (1 + 1.5))
