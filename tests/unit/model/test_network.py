"""Shapes, outputs, parameter groups and refused parameters of the assembled networks."""

import dataclasses

import pytest
import torch

from acnet.errors import AcnetError
from acnet.model import (
    build_network,
    context_scalars,
)

from .variants import ACNET, CLASSES, ROWS, full, randomise, small

HEIGHT, WIDTH = 97, 131
AT_16, AT_8, AT_4 = (7, 9), (13, 17), (25, 33)
GATES = {
    "fcn": [],
    "gc": [],
    "fcn_lc": [],
    "gcm": [AT_16],
    "gcm_lc": [AT_16],
    "gcm_lcm1": [AT_16],
    "gcm_lcm2": [AT_16],
    "acb1": [AT_16],
    "acb2": [AT_16, AT_8],
    "acb3": [AT_16, AT_8, AT_4],
    "r101_acb3": [AT_16, AT_8, AT_4],
}


@pytest.mark.parametrize("row", ROWS)
def test_odd_sizes_give_logits_at_input_size_and_gates_at_native_resolution(row):
    network = small(row).eval()
    with torch.no_grad():
        output = network(torch.randn(2, 3, HEIGHT, WIDTH))
    assert set(output) == {"logits", "gates"}
    assert output["logits"].shape == (2, 5, HEIGHT, WIDTH)
    assert [tuple(g.shape) for g in output["gates"]] == [(2, 1, *size) for size in GATES[row]]


@pytest.mark.parametrize("row", ["fcn", "gcm", "acb3"])
def test_output_stride_8_doubles_the_first_gate(row):
    network = small(row, output_stride=8).eval()
    with torch.no_grad():
        output = network(torch.randn(1, 3, HEIGHT, WIDTH))
    assert output["logits"].shape == (1, 5, HEIGHT, WIDTH)
    assert [tuple(g.shape[2:]) for g in output["gates"]] == [AT_8, AT_8, AT_4][: len(GATES[row])]


def test_auxiliary_scores_come_in_training_only():
    network = small("r101_acb3", backbone="resnet18")
    images = torch.randn(2, 3, HEIGHT, WIDTH)
    assert network(images)["auxiliary"].shape == (2, 5, HEIGHT, WIDTH)
    assert "auxiliary" not in network.eval()(images)
    assert "auxiliary" not in small("acb3")(images)


def test_classifier_sees_the_resolution_of_its_row():
    for row, channels, size in [("gcm", 16, AT_16), ("gcm_lc", 14, AT_8), ("acb2", 12, AT_4), ("acb3", 12, AT_4)]:
        network, seen = small(row).eval(), []
        network.classifier.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].shape))
        network(torch.randn(1, 3, HEIGHT, WIDTH))
        assert tuple(seen[0]) == (1, channels, *size), row


def test_alphas_and_betas_are_found_by_name_and_begin_at_one():
    scalars = context_scalars(small("acb3"))
    assert list(scalars) == [
        "blocks.0.global_context.alpha",
        "blocks.0.local_context.beta",
        "blocks.1.global_context.alpha",
        "blocks.1.local_context.beta",
        "blocks.2.global_context.alpha",
    ]
    assert [p.item() for p in scalars.values()] == [1.0] * 5
    assert list(context_scalars(small("fcn"))) == []


def test_lcm3_of_table_2_is_acb1_of_table_3():
    assert full("acb1") == full("gcm_lcm2", reuse=3)


def test_same_seed_gives_the_same_weights():
    one, two, other = small(seed=1).state_dict(), small(seed=1).state_dict(), small(seed=2).state_dict()
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert not all(torch.equal(one[k], other[k]) for k in one)


def test_channels_last_and_contiguous_give_the_same_scores():
    network = randomise(small("acb3")).eval()
    images = torch.randn(2, 3, 65, 65)
    with torch.no_grad():
        plain = network(images)["logits"]
        other = network.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))["logits"]
    torch.testing.assert_close(plain, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "resnet152"}, "model.backbone: 'resnet152' is not valid"),
        ({"multi_grid": [4, 8]}, "model.multi_grid"),
        ({"blocks": 4}, "model.blocks: 4"),
        ({"dropout": 1.0}, "model.dropout"),
    ],
)
def test_impossible_parameters_are_refused_by_key(changes, message):
    with pytest.raises(AcnetError) as error:
        build_network(dataclasses.replace(ACNET, **changes), CLASSES)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
