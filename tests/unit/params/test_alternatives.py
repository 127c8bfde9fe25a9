"""Every alternative to a decision is one entry of runs.yaml, or one line of a scale."""

import json

import pytest

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign


def resolved(params, entry, scale="mini"):
    text = (params / "runs.yaml").read_text()
    (params / "runs.yaml").write_text(f"{text}\nmine: {json.dumps(entry)}\n")
    return Campaign(params, scale).resolve("mine", 0)


def test_every_parameter_can_be_set_by_a_run(params):
    usual = Campaign(params, "paper").resolve("acb3", 0)
    rest = {**usual.values()["model"], **usual.values()["train"]}
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
