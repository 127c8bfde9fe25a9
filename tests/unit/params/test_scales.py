"""A scale that is `like` another."""

import pytest

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign


def scale(params, name, text):
    (params / "scales" / f"{name}.yaml").write_text(text)


def test_a_scale_takes_what_it_lacks_from_the_one_it_is_like(params):
    scale(
        params,
        "mine",
        "like: camvid\ntitle: Mine\ncommon: {epochs: 30}\nseeds: [3]\nstrategies: {random_scale: {epochs: 40}}\n",
    )
    mine, camvid = Campaign(params, "mine"), Campaign(params, "camvid")
    assert (mine.scale.title, mine.scale.seeds, mine.scale.banner) == ("Mine", [3], camvid.scale.banner)
    ours, theirs = mine.resolve("r101_da", 3), camvid.resolve("r101_da", 0)
    assert ours.train == theirs.with_training(epochs=40).train
    assert mine.resolve("acb3", 3).train == camvid.resolve("acb3", 0).with_training(epochs=30).train
    assert (ours.model, ours.init) == (theirs.model, theirs.init)


def test_a_scale_can_be_like_one_that_is_like_another(params):
    scale(params, "first", "like: camvid\ncommon: {epochs: 30, batch: 4}\n")
    scale(params, "second", "like: first\ncommon: {batch: 2}\n")
    campaign = Campaign(params, "second")
    train, origins = campaign.resolve("acb3", 0).train, campaign.origins("fcn_flops")
    assert (train.epochs, train.batch) == (30, 2)
    files = {"train.crop": "camvid", "train.epochs": "first", "train.batch": "second", "model.reduction": "camvid"}
    for key, name in files.items():
        assert origins[key].note.startswith(f"{params}/scales/{name}.yaml: "), key


@pytest.mark.parametrize(
    ("mistake", "says"),
    [("sedes: [1]\n", ": unknown key 'sedes'"), ("common: {epoch: 3}\n", ": common: unknown key 'epoch'")],
)
def test_a_mistake_is_one_of_the_file_that_has_it(params, mistake, says):
    scale(params, "first", f"like: camvid\n{mistake}")
    scale(params, "second", "like: first\n")
    with pytest.raises(AcnetError) as error:
        Campaign(params, "second")
    assert str(error.value).startswith(f"{params}/scales/first.yaml{says}")


def test_no_circle(params):
    scale(params, "first", "like: second\n")
    scale(params, "second", "like: first\n")
    with pytest.raises(AcnetError, match=r"second\.yaml: like: unknown name 'first'"):
        Campaign(params, "first")


def test_a_scale_adds_to_the_head_options_of_a_run(params, edit):
    entry = "deeplabv3plus: {dataset: cityscapes, role: r50, head: deeplabv3plus"
    edit("runs.yaml", f"{entry}}}", f"{entry}, head_options: {{rates: [3, 6, 9], low_channels: 9}}}}")
    options = Campaign(params, "camvid-narrow").resolve("deeplabv3plus", 0).model.head_options
    assert (options["rates"], options["low_channels"]) == ([3, 6, 9], 12)


def test_a_fine_tuned_run_has_the_network_that_the_scale_gives_the_run_it_starts_from(params):
    with open(params / "runs.yaml", "a") as file:
        file.write("\ntuned: {fine_tune: fcn_flops}\nown: {fine_tune: fcn_flops, reduction: 99}\n")
    campaign = Campaign(params, "camvid")
    assert campaign.resolve("tuned", 0).model == campaign.resolve("fcn_flops", 0).model
    assert campaign.resolve("own", 0).model.reduction == 99


def test_the_backbone_of_a_role_may_be_set_for_all_runs(params):
    scale(params, "mine", "like: paper\ncommon: {backbone: resnet18}\n")
    campaign = Campaign(params, "mine")
    assert campaign.backbone("r101") == campaign.resolve("r101_acb3", 0).model.backbone == "resnet18"
