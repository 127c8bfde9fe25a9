"""What jobs ask of a cluster, as written in params/resources.yaml."""

import pytest

from acnet.errors import AcnetError
from acnet.params.resources import load_resources
from acnet.params.scales import scale_names


def test_every_scale_has_its_own_longest_training(root):
    assert load_resources(root / "params", "paper").longest > load_resources(root / "params", "mini").longest
    for scale in scale_names(root / "params"):
        assert load_resources(root / "params", scale).longest > 0


def test_a_scale_says_only_what_differs(params, edit):
    edit("resources.yaml", "  paper:", "  paper:\n    examples: {runtime: 7, mem_mb: 8, disk_mb: 9}")
    assert load_resources(params, "paper").examples.runtime == 7
    assert load_resources(params, "paper").generate == load_resources(params, "camvid").generate


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
