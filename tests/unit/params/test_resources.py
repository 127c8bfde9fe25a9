"""What jobs ask of a cluster, as written in params/resources.yaml."""

import pytest

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.resources import check_spread, load_resources
from acnet.params.scales import scale_names


def test_every_scale_has_its_own_longest_training(root):
    assert load_resources(root / "params", "paper").longest > load_resources(root / "params", "mini").longest
    for scale in scale_names(root / "params"):
        assert load_resources(root / "params", scale).longest > 0


def test_a_scale_says_only_what_differs(params, edit):
    edit("resources.yaml", "  paper:", "  paper:\n    examples: {runtime: 7, mem_mb: 8, disk_mb: 9}")
    assert load_resources(params, "paper").examples.runtime == 7
    assert load_resources(params, "paper").generate == load_resources(params, "camvid").generate


def test_a_scale_that_is_like_another_takes_its_needs(params):
    (params / "scales/mine.yaml").write_text("like: paper\ntitle: Mine\n")
    assert load_resources(params, "mine") == load_resources(params, "paper")


def test_a_scale_that_is_not_there_takes_the_common_ones(params):
    text = (params / "resources.yaml").read_text()
    (params / "resources.yaml").write_text(text[: text.index("scales:")] + "scales: {}\n")
    assert load_resources(params, "mini").train.runtime == 480


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("runtime: 30,", "runtimes: 30,", "scales.mini.train: unknown key 'runtimes'; did you mean 'runtime'?"),
        ("runtime: 30,", "runtime: 0,", "scales.mini.train.runtime: 0 is out of range"),
        ("  mini:", "  minni:", "scales: unknown key 'minni'; did you mean 'mini'?"),
        ("    longest: 0.2", "    longst: 0.2", "unknown key 'longst'; did you mean 'longest'?"),
        ("scales:", "scale:", "unknown key 'scale'; did you mean 'scales'?"),
        ("    longest: 0.2", "    longest: long", "scales.mini.longest: expected a number, got 'long'"),
    ],
)
def test_a_mistake_names_its_key(params, edit, old, new, said):
    edit("resources.yaml", old, new)
    with pytest.raises(AcnetError) as caught:
        load_resources(params, "mini")
    assert str(caught.value).startswith(f"{params}/resources.yaml: ") and said in str(caught.value)


def test_memory_grows_after_a_failure_up_to_twice(root):
    need = load_resources(root / "params", "mini").train
    assert [need.memory(attempt) / need.mem_mb for attempt in (1, 2, 3, 9)] == [1, 1.5, 2, 2]


def spread(params, edit, text):
    edit("resources.yaml", "  paper:", f"  paper:\n    spread: {text}")
    campaign = Campaign(params, "paper")
    known = {run: campaign.resolve(run, 0) for run in ("acb3", "ade_acnet")}
    resources = load_resources(params, "paper")
    check_spread(resources, known, "resources.yaml: spread")
    return resources


def test_a_run_is_spread_by_its_own_entry_or_by_that_of_all(params, edit):
    resources = spread(params, edit, "{all: {gpus: 2}, acb3: {gpus: 8, nodes: 2}}")
    assert resources.spread_of("acb3", 1).gpus == 8 and resources.spread_of("acb3", 1).nodes == 2
    assert resources.spread_of("ade_acnet", 1).gpus == 2
    assert load_resources(params, "mini").spread_of("acb3", 0).processes == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{acb3: {gpus: 3}}", "spread: the batch of run 'acb3', 8, cannot be split over 3 processes"),
        ("{all: {gpus: 16}}", "spread: the batch of run 'acb3', 8, cannot be split over 16 processes"),
        ("{acb3: {gpus: 4, nodes: 3}}", "spread.acb3: 4 GPUs cannot be split over 3 nodes"),
        ("{abc3: {gpus: 4}}", "spread: unknown key 'abc3'; did you mean 'acb3'?"),
        ("{acb3: {gpu: 4}}", "spread.acb3: unknown key 'gpu'; did you mean 'gpus'?"),
        ("{acb3: {gpus: 4, nodes: 0}}", "spread.acb3.nodes: 0 is out of range"),
    ],
)
def test_a_spread_that_cannot_be_is_refused(params, edit, text, said):
    with pytest.raises(AcnetError) as caught:
        spread(params, edit, text)
    assert said in str(caught.value)
