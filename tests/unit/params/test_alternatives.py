"""Every alternative to a decision is one entry of runs.yaml, or one line of a scale, that resolves and builds."""

import json

import pytest
import torch

from acnet.errors import AcnetError
from acnet.model import build_network
from acnet.params.campaign import Campaign

MODEL = {
    "torchvision's dilation": {"dilation": "prior"},
    "deep stem": {"stem": "deep"},
    "half the multi-grid": {"multi_grid": [2, 4, 8]},
    "multi-grid at stride 8": {"multi_grid": [4, 8, 16], "output_stride": 8},
    "bare convolution for p": {"global_conv": "conv1x1"},
    "convolution before pooling": {"global_conv": "conv_then_pool"},
    "scaled distance": {"distance": "scaled"},
    "constant gates": {"gate": "constant"},
    "alpha and beta fixed": {"learn_scalars": False},
    "global context in the third block only": {"local_context": "lc", "global_blocks": [3]},
    "five fusions": {"reuse": 5},
    "a convolution after the context": {"after_context": "conv_bn_relu"},
    "dilated reduction": {"reduction_dilation": 6},
    "the head of another system": {"head": "fcn_d6"},
    "a head's own parameter": {"head": "encnet", "head_options": {"codewords": 64, "presence_weight": 0.2}},
    "DeepLabv3+'s local width": {"local_channels": 48},
    "other block widths": {"block_channels": [256, 128]},
    "ungated global context": {"global_context": "gc", "local_context": "lc"},
    "ungated local context": {"local_context": "lc"},
    "no global context": {"global_context": "none", "local_context": "lc", "blocks": 2},
    "ungated local context as often": {"local_context": "lc", "blocks": 1, "reuse": 2},
    "corners not aligned": {"align_corners": False},
    "auxiliary loss with ResNet-50": {"auxiliary": True, "auxiliary_channels": 512},
    "another backbone": {"backbone": "resnet101"},
}
TRAINING = {
    "EncNet's auxiliary weight": {"auxiliary_weight": 0.2},
    "no decay of alpha and beta": {"decay_scalars": False},
    "another OHEM": {"ohem": True, "ohem_threshold": 0.9, "ohem_keep": 0.0625},
    "another crop": {"crop": [769, 769], "base_size": 1024},
    "bfloat16": {"precision": "bfloat16"},
    "no flip": {"flip": 0},
}


def resolved(params, entry, scale="mini"):
    text = (params / "runs.yaml").read_text()
    (params / "runs.yaml").write_text(f"{text}\nmine: {json.dumps(entry)}\n")
    return Campaign(params, scale).resolve("mine", 0)


@pytest.mark.parametrize("changes", MODEL.values(), ids=MODEL)
def test_an_alternative_network_is_one_entry(params, changes):
    values = resolved(params, {"dataset": "cityscapes", "role": "r50", **changes})
    assert {key: getattr(values.model, key) for key in changes} == changes
    with torch.device("meta"):
        network = build_network(values.model, values.classes)
    assert sum(parameter.numel() for parameter in network.parameters()) > 0


@pytest.mark.parametrize("changes", TRAINING.values(), ids=TRAINING)
def test_an_alternative_recipe_is_one_entry(params, changes):
    values = resolved(params, {"dataset": "cityscapes", "role": "r50", **changes})
    assert {key: getattr(values.train, key) for key in changes} == changes


def test_every_parameter_can_be_set_by_a_run(params):
    names = {key for changes in (*MODEL.values(), *TRAINING.values()) for key in changes}
    usual = Campaign(params, "paper").resolve("acb3", 0)
    rest = {**usual.values()["model"], **usual.values()["train"]}
    assert names < set(rest)
    values = resolved(params, {"dataset": "cityscapes", "role": "r50", **rest})
    assert (values.model, values.train) == (usual.model, usual.train)


def test_multi_grid_and_ohem_can_be_switched_on_off_cityscapes(params):
    values = resolved(params, {"dataset": "ade20k", "role": "r101", "strategies": ["multi_grid", "ohem"]}, "paper")
    assert values.model.multi_grid == [4, 8, 16] and values.train.ohem is True
    assert values.train.scale_range == [0.5, 2.0]


def test_pascal_context_may_be_used_with_its_background(params, edit):
    edit("scales/paper.yaml", "pascal_context: pascal_context", "pascal_context: pascal_context60")
    values = Campaign(params, "paper").resolve("context_r101_acnet", 0)
    assert (values.classes, values.reader) == (60, "pascal_context60")


def test_a_backbone_without_published_weights_needs_weights_of_the_users_own(params):
    entry = {"dataset": "cityscapes", "role": "r50", "backbone": "resnet10"}
    with pytest.raises(
        AcnetError, match=r"runs\.yaml: mine\.backbone: no published weights have resnet10; give a file"
    ):
        resolved(params, entry, "paper")


def test_a_deep_stem_needs_weights_of_the_users_own(params, edit, tmp_path):
    entry = {"dataset": "cityscapes", "role": "r50", "stem": "deep"}
    with pytest.raises(
        AcnetError, match=r"runs\.yaml: mine\.stem: no published weights have the deep stem; give a file"
    ):
        resolved(params, entry, "paper")
    weights = tmp_path / "deep.pth"
    weights.touch()
    edit("scales/paper.yaml", "common:", f"weights: {{resnet50: {{file: {weights}, sha256: ab, name: deep}}}}\ncommon:")
    assert Campaign(params, "paper").resolve("mine", 0).init.file == str(weights)
