"""Each protocol, resolved for runs of every dataset at every scale."""

import dataclasses
from pathlib import Path

import pytest

from acnet.params.campaign import Campaign
from acnet.params.scales import scale_names

TO_175 = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
TO_225 = [*TO_175, 2.0, 2.25]
SINGLE = {"scales": [1.0], "stride": 2 / 3}
CITYSCAPES = {"base_size": None, "window": [768, 768]}
CITYSCAPES_MULTI = {"scales": TO_225, "base_size": None, "window": [1024, 1024], "stride": 0.5}
CAMVID = {"base_size": 180, "window": None}
CAMVID_GPU = {"base_size": None, "window": None}
MINI = {"base_size": None, "window": [64, 64], "batch": 8}
EXPECTED = {
    ("paper", "acb3"): (SINGLE | CITYSCAPES, CITYSCAPES_MULTI),
    ("paper", "ade_acnet"): (
        SINGLE | {"base_size": 520, "window": [480, 480]},
        {"scales": TO_175, "base_size": 520, "window": [480, 480], "stride": 2 / 3},
    ),
    ("paper", "ade_r101_acnet"): (
        SINGLE | {"base_size": 640, "window": [576, 576]},
        {"scales": TO_175, "base_size": 640, "window": [576, 576], "stride": 2 / 3},
    ),
    ("paper", "context_r101_acnet"): (
        SINGLE | {"base_size": 520, "window": [480, 480]},
        {"scales": TO_175, "base_size": 520, "window": [480, 480], "stride": 2 / 3},
    ),
    ("paper", "stuff_r101_acnet"): (
        SINGLE | {"base_size": 520, "window": [480, 480]},
        {"scales": TO_175, "base_size": 520, "window": [480, 480], "stride": 2 / 3},
    ),
    ("camvid", "acb3"): (SINGLE | CAMVID, CITYSCAPES_MULTI | CAMVID),
    ("camvid-gpu", "r101_ohem"): (SINGLE | CAMVID_GPU, CITYSCAPES_MULTI | CAMVID_GPU),
    ("mini", "acb3"): (SINGLE | MINI, CITYSCAPES_MULTI | MINI | {"window": [96, 96]}),
    ("mini", "stuff_r101_acnet"): (SINGLE | MINI, {"scales": TO_175, "stride": 2 / 3} | MINI | {"window": [96, 96]}),
}


@pytest.mark.parametrize(("scale", "run"), EXPECTED, ids="-".join)
def test_windows_and_scales_are_the_documented_ones(paper, scale, run):
    campaign = paper if scale == "paper" else Campaign(paper.params, scale)
    single, multi = EXPECTED[scale, run]
    usual = {"base_side": "short", "fusion": "softmax", "absent": "ignore", "precision": "float32"}
    usual |= {"batch": 16, "gate": "trained", "split": None}
    for name, asked, flip in (
        ("single", single, False),
        ("single_flip", single, True),
        ("multi_flip", multi, True),
    ):
        found = dataclasses.asdict(campaign.protocol(name, run))
        assert found == {"name": name, "flip": flip, **usual, **asked}


@pytest.mark.parametrize("scale", scale_names(Path("params")))
def test_every_protocol_resolves_for_every_run_of_a_scale(paper, scale):
    campaign = Campaign(paper.params, scale)
    runs = [name for name, run in campaign.runs.items() if run.dataset in campaign.scale.stands_in]
    found = {run: {name: campaign.protocol(name, run) for name in campaign.protocols} for run in runs}
    # Runs of one dataset and crop are measured alike: the window is part of the protocol, not of the network.
    alike = {}
    for run, protocols in found.items():
        key = campaign.dataset_of(run), str(campaign.resolve(run, 0).train.crop)
        assert alike.setdefault(key, protocols) == protocols, run


@pytest.mark.parametrize(
    ("written", "window"),
    [("whole", None), ("null", None), ("crop", [480, 480]), ("96", [96, 96]), ("[64, 96]", [64, 96])],
)
def test_a_window_is_written_as_a_word_a_number_or_a_pair(params, edit, written, window):
    edit("protocols.yaml", "{value: crop,", f"{{value: {written},")
    assert Campaign(params, "paper").protocol("single", "ade_acnet").window == window


@pytest.mark.parametrize("scale", ["mini", "camvid", "paper"])
def test_a_protocol_of_changed_gates_is_otherwise_that_which_it_is_like(paper, scale):
    campaign = Campaign(paper.params, scale)
    single = campaign.protocol("single", "acb3")
    changed = campaign.protocol("single_shuffled_gate", "acb3")
    assert changed == dataclasses.replace(single, name="single_shuffled_gate", gate="shuffled")
    assert changed.identity() == {**single.identity(), "name": "single_shuffled_gate", "gate": "shuffled"}
    assert "gate" not in single.identity(), (
        "files written before the field was added would be those of another protocol"
    )


def test_a_protocol_can_be_like_one_that_is_like_another(params):
    with open(params / "protocols.yaml", "a") as file:
        file.write("\nval_twice:\n  title: val\n  like: single_val\n  common:\n    flip: {value: true, origin: ours}\n")
    campaign = Campaign(params, "camvid")
    changed = dataclasses.replace(campaign.protocol("single_val", "acb3"), name="val_twice", flip=True)
    assert campaign.protocol("val_twice", "acb3") == changed


def test_whole_images_are_tested_at_the_sizes_of_multi_flip(paper):
    for campaign in (paper, Campaign(paper.params, "camvid")):
        expected = campaign.protocol("multi_flip", "acb3")
        changed = dataclasses.replace(expected, name="multi_flip_whole", window=None, stride=1.0)
        assert campaign.protocol("multi_flip_whole", "acb3") == changed


def test_changing_a_protocol_leaves_training_alone(params, edit):
    before = Campaign(params, "paper")
    edit("protocols.yaml", "window:    {value: 768,", "window:    {value: 640,")
    after = Campaign(params, "paper")
    assert after.protocol("single", "acb3") != before.protocol("single", "acb3")
    assert after.protocol("multi_flip", "acb3") == before.protocol("multi_flip", "acb3")
    assert all(before.resolve(run, 0) == after.resolve(run, 0) for run in before.runs)
