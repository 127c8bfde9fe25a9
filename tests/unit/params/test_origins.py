"""Where each value comes from, and the params.yaml that says so."""

import dataclasses
import itertools
import re

import pytest
import yaml

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.run import read_run, write_run


def entries(value, path):
    """Every {value, ...} below `value`, and everything that should be one."""
    if isinstance(value, dict) and "value" not in value:
        for key, item in value.items():
            if key not in ("title", "like"):  # no numbers
                yield from entries(item, f"{path}.{key}")
    else:
        yield path, value


@pytest.mark.parametrize("file", ["model", "heads", "recipe", "protocols"])
def test_every_value_says_where_it_comes_from(root, file):
    found = list(entries(yaml.safe_load((root / "params" / f"{file}.yaml").read_text()), file))
    assert len(found) > 18
    for path, entry in found:
        assert isinstance(entry, dict) and entry.get("origin") in ("paper", "prior", "ours"), path
        assert set(entry) <= {"value", "origin", "note"}, path


def test_values_the_paper_states_cite_its_section(root):
    for file in ("model", "recipe", "protocols"):
        text = (root / "params" / f"{file}.yaml").read_text()
        for path, entry in entries(yaml.safe_load(text), file):
            if entry["origin"] == "paper" and "note" in entry:
                assert re.search(r"\d\.\d|Eq\. \d|Table \d|ResNet", entry["note"]), path


def test_params_yaml_is_complete_and_reads_back_equal(root, tmp_path):
    for scale, run in itertools.product(("mini", "paper"), ("fcn_s16", "r101_ohem", "ade_r101_acnet_trainval")):
        campaign = Campaign(root / "params", scale)
        write_run(campaign.resolve(run, 7), campaign.origins(run), tmp_path / "params.yaml")
        assert read_run(tmp_path / "params.yaml") == campaign.resolve(run, 7)
        written = yaml.safe_load((tmp_path / "params.yaml").read_text())
        assert set(written["model"]) == {field.name for field in dataclasses.fields(NetworkConfig)}
        assert set(written["train"]) == {field.name for field in dataclasses.fields(TrainingConfig)}


def test_each_line_of_params_yaml_ends_with_its_origin(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    assert main(["--results-root", str(tmp_path), "resolve", "--scale", "mini", "--run", "r101_ohem"]) == 0
    lines = (tmp_path / "mini/r101_ohem/seed0/params.yaml").read_text().splitlines()
    found = {line.split(":")[0].strip(): line.partition("  # ")[2] for line in lines}
    assert found["delta"] == "paper: Eq. 2 and Table 1"
    assert found["multi_grid"].startswith("paper: 4.3")
    assert found["decay_scalars"].startswith("ours: ")
    assert found["base_width"] == "scale: params/scales/mini.yaml: common"
    assert found["backbone"] == "scale: params/scales/mini.yaml: roles.r101"
    assert found["epochs"] == "scale: params/scales/mini.yaml: strategies.random_scale"
    for key in [field.name for cls in (NetworkConfig, TrainingConfig) for field in dataclasses.fields(cls)]:
        assert found[key].split(":")[0] in ("paper", "prior", "ours", "scale", "run"), key


def test_the_origin_of_a_heads_parameters_is_the_least_certain_and_names_each(paper):
    assert str(paper.origins("danet")["model.head_options"]) == (
        "prior: key_share (prior: queries and keys have 1/8 of the channels); "
        "branch_weight (prior: DANet v0.5.0: of the losses on each branch)"
    )
    assert paper.origins("encnet")["model.head_options"].origin == "paper"


def test_a_runs_own_value_names_the_run(paper):
    origins = paper.origins("gcm_d2_s16")
    assert str(origins["model.delta"]) == f"run: {paper.params}/runs.yaml: gcm_d2_s16"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  delta: 5.0", "  delta: -5.0", ": model.delta: -5.0 is out of range; expected at least 0.001"),
        ("  delta: 5.0", "  detla: 5.0", ": model: unknown key 'detla'; did you mean 'delta'?"),
        ("  epochs: 50", "  # epochs", ": train: key 'epochs' is missing"),
        ("seed: 0", "seed: -1", ": seed: -1 is out of range; expected at least 0"),
        ("train_splits: [train]", "train_splits: train", ": train_splits: expected a list, got 'train'"),
        ("reader: cityscapes", "reader: cityscape", ": reader: 'cityscape' is not valid; did you mean 'cityscapes'?"),
        ("  kind: none", "  kind: url", ": init: key 'url' is missing"),
        ("name: acb3", "# name", ": key 'name' is missing"),
        ("name: acb3", "run: acb3", ": of an earlier version of acnet; check out the commit"),
    ],
)
def test_a_params_yaml_edited_to_nonsense_is_refused(root, tmp_path, old, new, said):
    file = tmp_path / "params.yaml"
    campaign = Campaign(root / "params", "mini")
    write_run(campaign.resolve("acb3", 0), campaign.origins("acb3"), file)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(AcnetError) as error:
        read_run(file)
    assert str(error.value).startswith(f"{file}{said}"), error.value


def test_a_number_edited_in_params_yaml_may_have_an_exponent(root, tmp_path):
    file = tmp_path / "params.yaml"
    write_run(Campaign(root / "params", "mini").resolve("acb3", 0), {}, file)
    file.write_text(re.sub(r"(  learning_rate:|  delta:) \S+", r"\1 1e-2", file.read_text()))
    run = read_run(file)
    assert (run.train.learning_rate, run.model.delta) == (0.01, 0.01)


def test_a_note_of_several_lines_is_one_comment(params, edit, tmp_path):
    edit("model.yaml", 'note: "Eq. 2 and Table 1"}', 'note: "two\\nlines"}')
    campaign = Campaign(params, "mini")
    write_run(campaign.resolve("acb3", 0), campaign.origins("acb3"), tmp_path / "params.yaml")
    assert read_run(tmp_path / "params.yaml") == campaign.resolve("acb3", 0)
    assert "  delta: 5.0  # paper: two lines\n" in (tmp_path / "params.yaml").read_text()
