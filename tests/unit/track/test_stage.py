"""What `dvc repro` asks of Snakemake, and what a copy of the project gets of it."""

import dataclasses
import errno
import os
import shutil
import subprocess

import pytest
import yaml

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.track.stage import CONFIG, asked, link, mark_overrides


@pytest.fixture
def project(root, tmp_path):
    """A folder with parameters and a function `ask` that sets keys of workflow/config.yaml."""
    shutil.copytree(root / "params", tmp_path / "params")
    defaults = yaml.safe_load((root / CONFIG).read_text())

    def ask(**changes):
        (tmp_path / "workflow").mkdir(exist_ok=True)
        (tmp_path / CONFIG).write_text(yaml.safe_dump({**defaults, **changes}))
        return asked(tmp_path)

    return ask


@pytest.mark.parametrize(
    ("changes", "target", "row"),
    [
        ({}, "all", "acb3"),
        ({"target": "table1"}, "table1", "gcm_d10_s8"),
        ({"target": "table3"}, "table3", "acb3"),
        ({"target": "table1", "row": "gc_s8"}, "table1", "gc_s8"),
        ({"target": "runs", "runs": "fcn_s16,gc_s16"}, "runs", "gc_s16"),
    ],
)
def test_the_row_is_of_a_run_that_the_target_trains(project, changes, target, row):
    ask = project(**changes)
    assert (ask.target, ask.row) == (target, row)


def test_the_row_is_of_the_first_seed_that_is_asked_for(project):
    seeds = {"target": "table1", "scale": "camvid-narrow", "row": "fcn_s16"}
    assert project(**seeds).seed == 0
    assert project(**seeds, seeds="2,1").seed == 1


def test_more_options_are_words_of_the_command_line(project):
    assert project(options="--workflow-profile 'a b'").options == ["--workflow-profile", "a b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "tabel1"}, "workflow/config.yaml: target: unknown name 'tabel1'; did you mean 'table1'?"),
        ({"target": "table5", "scale": "camvid"}, "target: unknown name 'table5'"),
        ({"target": "figure2"}, "target: unknown name 'figure2'"),  # trains nothing, so there is no row
        ({"target": "runs"}, "target runs needs runs"),
        ({"target": "runs", "runs": "acb4"}, "run 'acb4'"),
    ],
)
def test_a_mistake_is_answered_before_anything_starts(project, changes, message):
    with pytest.raises(AcnetError, match=message.replace("?", r"\?")):
        project(**changes)


def fill(project):
    for name in (
        "data/mini/manifest.json", "results/mini/acb3/seed0/checkpoint.pt", "results/mini/acb3/seed0/resume/state.pt",
        "results/mini/acb3/seed0/.x.1.part", "data/archives/a.zip.part", ".snakemake/metadata/abc",
    ):  # fmt: skip
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("the project's")


def test_a_copy_gets_what_is_finished_and_cannot_change_the_projects(tmp_path):
    project, copy = tmp_path / "project", tmp_path / "copy"
    fill(project)
    link(project, copy)
    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    checkpoint, record = "results/mini/acb3/seed0/checkpoint.pt", ".snakemake/metadata/abc"
    assert found == {"data/mini/manifest.json", checkpoint, record}
    assert (copy / checkpoint).samefile(project / checkpoint)
    (copy / checkpoint).unlink()  # as Snakemake does before it makes an output
    (copy / checkpoint).write_text("the copy's")
    (copy / record).write_text("the copy's")  # Snakemake writes its record in place
    assert (project / checkpoint).read_text() == (project / record).read_text() == "the project's"


def test_links_to_the_users_own_data_stay_links(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project/data/raw/mine").mkdir(parents=True)
    (tmp_path / "elsewhere/photo.png").write_text("mine")
    (tmp_path / "elsewhere/another.png").symlink_to("photo.png")
    for name in ("camvid", "mine/images"):  # `acnet data new` makes the second
        (tmp_path / "project/data/raw" / name).symlink_to(tmp_path / "elsewhere")
    link(tmp_path / "project", tmp_path / "copy")
    for name in ("camvid", "mine/images"):
        found = tmp_path / "copy/data/raw" / name
        assert found.is_symlink() and (found / "photo.png").read_text() == "mine"


def test_data_on_another_disk_are_refused_in_one_line(tmp_path, monkeypatch):
    fill(tmp_path / "project")

    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(AcnetError, match=r"lie on another disk than \.dvc/tmp.*without --temp and --queue"):
        link(tmp_path / "project", tmp_path / "copy")


def test_a_value_set_by_dvc_is_no_longer_the_papers(root, tmp_path):
    apply_overrides = pytest.importorskip("dvc.utils.hydra").apply_overrides
    shutil.copytree(root / "params", tmp_path / "params")
    for words in (["init"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "all"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    before = Campaign(tmp_path / "params", "mini")
    apply_overrides(
        tmp_path / "params/model.yaml",
        ["delta=10", "dropout.value=0.2", "stem={value: deep, origin: ours, note: mine}"],
    )
    apply_overrides(tmp_path / "params/recipe.yaml", ["common.momentum=0.8"])
    mark_overrides(tmp_path)
    after = Campaign(tmp_path / "params", "mini")
    origins = before.origins("acb3")
    changed = {name: str(origin) for name, origin in after.origins("acb3").items() if origin != origins[name]}
    assert changed.pop("model.stem") == "ours: mine"  # who says where a value comes from is believed
    assert changed == dict.fromkeys(("model.delta", "model.dropout", "train.momentum"), "ours: set for this experiment")
    model, train = (run := after.resolve("acb3", 0)).model, run.train
    assert (model.delta, model.dropout, model.stem, train.momentum) == (10, 0.2, "deep", 0.8)
    model = dataclasses.replace(model, delta=5.0, dropout=0.1, stem="7x7")
    assert dataclasses.replace(run.with_training(momentum=0.9), model=model) == before.resolve("acb3", 0)
