"""A campaign published by one and restored by a stranger, through real Git, DVC and Snakemake."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest
import yaml

from acnet.data.store import Store
from tests.small_campaign import shrink

from .temporary_project import Project, add_origin, clone, fill, make_project, train, use_remote

NOTHING = "Nothing to be done"
# An edit of params/runs.yaml that changes gcm_lcm1 alone.
OTHER = ("role: r50, blocks: 1, reuse: 1}", "role: r50, blocks: 1, reuse: 1, delta: 3.0}")


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Project:
    """A published campaign of 21 networks, one fine-tuned, with its report; origin and DVC remote lie beside it."""
    folder = tmp_path_factory.mktemp("published")
    project = make_project(folder / "project")
    file = project.root / "params/scales/mini.yaml"
    scale = re.sub("^figures: .*", "figures: []", file.read_text(), flags=re.MULTILINE)
    file.write_text(re.sub("^tables: .*", "tables: [table1, table2, table3, table4]", scale, flags=re.MULTILINE))
    project.git("commit", "--quiet", "--all", "-m", "four tables")
    fill(project)
    project.snakemake("all")
    add_origin(project)
    use_remote(project, folder / "store")
    project.snakemake("publish")
    return project


@pytest.fixture
def stranger(published, tmp_path) -> Project:
    """A fresh clone elsewhere that knows the remote, with none of the first one's files."""
    other = clone(published, tmp_path / "clone")
    use_remote(other, published.root.parent / "store")
    return other


def pointer(published: Project, name: str = "mini") -> dict[str, str]:
    """The MD5 of each file of the campaign."""
    text = published.git("show", f"campaign/{name}:campaign.dvc")
    return {out["path"]: out["md5"] for out in yaml.safe_load(text)["outs"]}


def nothing_to_do(project: Project, target: str) -> bool:
    done = project.snakemake("-n", target)
    return NOTHING in done.stdout + done.stderr


def trained(project: Project, *target: str) -> set[str]:
    """The checkpoints that Snakemake would make."""
    outputs = re.findall(r"^    output: (\S+/checkpoint\.pt),", project.snakemake("-n", *target).stdout, re.MULTILINE)
    return {output.removeprefix("results/mini/").removesuffix("/checkpoint.pt") for output in outputs}


def test_publishing_again_changes_nothing_and_prints_what_brings_every_byte_elsewhere(published, tmp_path):
    before = published.git("rev-parse", "campaign/mini")
    line = published.acnet("publish", "mini").stderr.splitlines()[-1]
    assert published.git("status", "--porcelain") == ""
    assert published.git("rev-parse", "campaign/mini") == before
    assert published.git("ls-remote", "origin", "refs/tags/campaign/mini").startswith(before)
    steps = line.partition("to restore it elsewhere: ")[2].split(" && ")
    assert steps.pop(2) == "make venv" and steps.pop(2) == "source .venv/bin/activate"
    assert steps.pop() == "acnet restore mini"
    command = " && ".join(steps).replace("dvc remote", f"{sys.executable} -m dvc remote")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path, capture_output=True)
    stranger = Project(tmp_path / "acnet")
    assert stranger.git("rev-parse", "HEAD") == published.git("rev-parse", "campaign/mini^{commit}")

    stranger.snakemake("restore", "--config", "campaign=mini")
    assert stranger.files() == {
        path: digest for path, digest in published.files().items() if path in pointer(published)
    }
    assert len(list((stranger.root / "results").rglob("checkpoint.pt"))) == 21
    assert (stranger.root / "reports/mini/tables/table3.csv").exists()
    assert nothing_to_do(stranger, "all")
    assert stranger.git("status", "--porcelain") == ""
    # Once more, where the raw data is at hand.
    for manifest in (stranger.root / "data").glob("*/manifest.json"):
        raw = stranger.root / "data" / "raw" / manifest.parent.name
        raw.mkdir(parents=True)
        (raw / ".snakemake_timestamp").touch()
        for file in (raw, raw / ".snakemake_timestamp"):
            os.utime(file, (manifest.stat().st_mtime - 100,) * 2)
    stranger.acnet("restore", "mini")
    assert nothing_to_do(stranger, "all")
    # A part of it once more: the files of other tables are left alone, and so is what was trained from a run in it.
    for name in ("tables/table1.csv", "index.html"):
        (stranger.root / "reports" / "mini" / name).write_text("mine")
    stranger.acnet("restore", "mini", "--only", "table3")
    assert (stranger.root / "reports/mini/tables/table1.csv").read_text() == "mine"
    assert not trained(stranger, "all")
    # An edit of params/ trains its run again.
    file = stranger.root / "params" / "runs.yaml"
    file.write_text(file.read_text().replace(*OTHER))
    assert trained(stranger, "all") == {"gcm_lcm1/seed0"}


def test_what_was_made_with_other_parameters_is_named_and_made_again_the_rest_is_left_alone(stranger):
    file = stranger.root / "params" / "runs.yaml"
    file.write_text(file.read_text().replace(*OTHER))
    file = stranger.root / "params" / "protocols.yaml"
    head, tail = file.read_text().split("\nsingle_flip:")
    other = tail.replace("  common:\n", "  common:\n    stride: {value: 0.56, origin: ours}\n", 1)
    file.write_text(f"{head}\nsingle_flip:{other}")
    done = stranger.acnet("restore", "mini", "--only", "table2")
    how = "trained with parameters or initial weights that differ from params/"
    assert f"{how}, so Snakemake trains them again: gcm_lcm1/seed0; " in done.stderr
    assert trained(stranger, "table2") == {"gcm_lcm1/seed0"}
    stranger.git("checkout", "campaign/mini", "--", "params")
    assert nothing_to_do(stranger, "table2")


def test_a_run_that_params_lack_is_named_and_edits_of_the_others_are_still_noticed(project, tmp_path):
    runs = project.root / "params" / "runs.yaml"
    committed = runs.read_text()
    runs.write_text(f"{committed}\nmy_gcm: {{dataset: cityscapes, role: r50, local_context: none, blocks: 1}}\n")
    train(project, "my_gcm")
    add_origin(project)
    use_remote(project, tmp_path / "store")
    done = project.acnet("publish")
    assert "without the uncommitted changes here" in done.stderr
    assert f"pushed: files to DVC remote store ({tmp_path / 'store'})" in done.stderr
    assert "acnet restore mini" in done.stderr.splitlines()[-1]
    other = clone(project, tmp_path / "clone")
    use_remote(other, tmp_path / "store")
    done = other.acnet("restore", "mini")
    assert "not in params/runs.yaml here, so Snakemake and the tables ignore them: my_gcm/seed0; " in done.stderr
    assert (other.folder("my_gcm") / "checkpoint.pt").exists()
    asked = ("runs", "--config", "runs=acb3,fcn_s16")
    assert not trained(other, *asked)
    runs = other.root / "params" / "runs.yaml"
    runs.write_text(committed.replace("acb3:        {dataset", "acb3: {delta: 3.0, dataset"))
    assert trained(other, *asked) == {"acb3/seed0"}


def test_metrics_alone_are_small_and_enough_for_the_report(published, stranger):
    done = stranger.snakemake("restore", "--config", "campaign=mini", "only=metrics")
    assert "lacks some of what" not in done.stderr
    assert not list((stranger.root / "results").rglob("checkpoint.pt"))
    done = stranger.snakemake("-n", "report")
    assert NOTHING in done.stdout + done.stderr
    absent = done.stderr.split("Missing checkpoints (21): ")[1]
    assert (
        "acb1/seed0, " in absent
        and "`snakemake --cores all --config scale=mini` would train these runs again" in absent
    )
    assert "train" in stranger.snakemake("-n", "all").stdout
    done = stranger.snakemake("runs", "--config", "runs=fcn_s16", check=False)  # which fails: the pixels are not here
    before, after = done.stderr.split("Missing checkpoints (1): fcn_s16/seed0. These runs are trained again now")
    assert "localrule train" not in before and "localrule train" in after
    stranger.acnet("restore", "mini")
    assert nothing_to_do(stranger, "all")


def test_only_what_a_table_needs_comes_back_over_http_too_and_after_any_clean_up_it_redraws_unchanged(
    published, stranger
):
    drawn = stranger.root / "reports/mini/tables/table2.csv"  # before anything was trained: it stands in nobody's way
    drawn.parent.mkdir(parents=True)
    drawn.write_text("not run")
    serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=published.root.parent / "store")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stranger.dvc("remote", "add", "--local", "web", f"http://127.0.0.1:{server.server_port}")
        stranger.acnet("restore", "mini", "--only", "table2", "--remote", "web")
        server.shutdown()
    files = stranger.files()
    assert files.items() <= published.files().items()
    runs = {file.parents[1].name for file in (stranger.root / "results").rglob("checkpoint.pt")}
    assert runs == {"fcn_s16", "gcm_d5_s16", "gcm_lc", "gcm_lcm1", "gcm_lcm2", "acb1"}
    assert "recorded: 6 new" in stranger.snakemake("record").stderr
    stranger.dvc("gc", "--workspace", "--force")
    stranger.dvc("exp", "remove", "--all-commits")
    assert "removed" in stranger.acnet("gc", "--yes").stdout
    assert stranger.files() == files and nothing_to_do(stranger, "table2")
    stranger.snakemake("--force", "reports/mini/tables/table2.csv")
    assert stranger.files() == files


def test_what_the_remote_lacks_or_holds_damaged_is_named_and_the_rest_restored(published, stranger):
    done = stranger.acnet("restore", "mimi", check=False)
    assert done.returncode == 2
    assert "campaign 'mimi': no tag campaign/mimi" in done.stderr and "there are: mini" in done.stderr
    # A damaged file is not restored, and the cache not asked.
    path = "results/mini/acb3/seed0/provenance.json"  # no other file has this content
    md5 = pointer(published)[path]
    cached, stored = (
        folder / "files" / "md5" / md5[:2] / md5[2:]
        for folder in (stranger.root / ".dvc" / "cache", published.root.parent / "store")
    )
    cached.parent.mkdir(parents=True)
    cached.write_text("damaged")
    whole = stored.read_bytes()
    stored.chmod(0o644)
    stored.write_bytes(whole[:-1] + b"?")
    done = stranger.acnet("restore", "mini", "--only", "metrics", check=False)
    stored.write_bytes(whole)
    assert done.returncode == 2 and f"missing or damaged on the remote: {path}; the rest is restored" in done.stderr
    assert not (stranger.root / path).exists()
    stranger.acnet("restore", "mini", "--only", "metrics")
    assert (stranger.root / path).read_bytes() == whole
    # Nor is one that is lost.
    lost = "results/mini/acb3/seed0/checkpoint.pt"
    md5 = pointer(published)[lost]
    stored = published.root.parent / "store" / "files" / "md5" / md5[:2] / md5[2:]
    kept = stored.rename(stored.with_suffix(".away"))
    try:
        done = stranger.acnet("restore", "mini", check=False)
    finally:
        kept.rename(stored)
    assert done.returncode == 2
    assert f"missing or damaged on the remote: {lost}; the rest is restored" in done.stderr
    assert len(stranger.files()) == len(pointer(published)) - 1
    stranger.acnet("restore", "mini")
    assert (stranger.root / lost).exists()


def test_a_file_here_with_another_content_is_not_overwritten(published, stranger):
    train(stranger, "acb3", variant="mine")
    mine = (stranger.folder("acb3") / "checkpoint.pt").read_bytes()
    done = stranger.acnet("restore", "mini", check=False)
    assert done.returncode == 2 and "here with another content" in done.stderr
    assert (stranger.folder("acb3") / "checkpoint.pt").read_bytes() == mine
    stranger.acnet("restore", "mini", "--overwrite")
    assert (stranger.folder("acb3") / "checkpoint.pt").read_bytes() != mine


def test_dvc_and_git_alone_bring_a_campaign_back(project, tmp_path):
    add_origin(project)
    use_remote(project, tmp_path / "store")
    project.acnet("publish")
    other = clone(project, tmp_path / "clone")
    use_remote(other, tmp_path / "store")
    other.git("checkout", "--quiet", "campaign/mini")
    other.dvc("pull")
    assert other.files() == project.files()


def test_prepared_images_go_along_when_asked_for_and_a_stranger_trains_from_them(tmp_path):
    project = make_project(tmp_path / "project")
    shrink(project.root / "params")
    project.git("commit", "--quiet", "--all", "-m", "smaller")
    train(project, "acb3")
    project.acnet("data", "generate", "mini_cityscapes")
    project.acnet("data", "prepare", "mini_cityscapes")
    add_origin(project)
    use_remote(project, tmp_path / "store")
    project.acnet("publish", "without")
    assert not [path for path in pointer(project, "without") if path.endswith(".bin")]
    project.snakemake("publish", "--config", "campaign=images", "with_data=true")
    other = clone(project, tmp_path / "clone")
    use_remote(other, tmp_path / "store")
    other.acnet("restore", "images")
    for split, images in (("train", 4), ("val", 2), ("test", 1)):
        here, there = (Store(where.root / "data/mini_cityscapes", split) for where in (other, project))
        assert len(here) == images and (here.names, here.sizes) == (there.names, there.sizes)
        assert all((here.image(i) == there.image(i)).all() for i in range(images))
        assert split == "test" or all((here.label(i) == there.label(i)).all() for i in range(images))
    assert not (other.root / "data/raw").exists()
    made = "results/mini/fcn_s16/seed0/checkpoint.pt"
    other.snakemake(made)
    assert (other.root / made).exists() and not (other.root / "data/raw").exists()


def test_publishing_needs_a_remote_and_another_content_under_the_same_name_replace(tmp_path):
    project = make_project(tmp_path / "project")
    train(project, "acb3")
    done = project.acnet("publish", check=False)
    assert done.returncode == 2 and "dvc remote add --default" in done.stderr
    assert project.git("tag") == ""
    use_remote(project, tmp_path / "store")
    done = project.acnet("publish", "a..b", check=False)
    assert done.returncode == 2 and "campaign 'a..b': Git does not take this name" in done.stderr
    assert not (tmp_path / "store").exists()
    project.acnet("publish")
    train(project, "acb3", variant="again")
    done = project.acnet("publish", check=False)
    assert done.returncode == 2 and "take another name, or --replace" in done.stderr
    project.acnet("publish", "--replace")
    project.acnet("publish", "second")
    assert project.git("tag").split() == ["campaign/mini", "campaign/second"]


@pytest.mark.parametrize("command", ["publish", "restore"])
def test_killed_commands_leave_a_sound_repository_and_complete_when_asked_again(command, tmp_path):
    project = make_project(tmp_path / "project")
    for run in ("acb3", "fcn_s16"):
        train(project, run)
    files = project.files()
    use_remote(project, tmp_path / "store")
    if command == "restore":
        project.acnet("publish")

    def forget() -> None:
        for folder in ["results", "data"] if command == "restore" else [tmp_path / "store"]:
            shutil.rmtree(project.root / folder, ignore_errors=True)
        shutil.rmtree(project.root / ".dvc" / "cache", ignore_errors=True)
        if command == "publish" and project.git("tag"):
            project.git("tag", "-d", "campaign/mini")

    arguments = ["publish"] if command == "publish" else ["restore", "mini"]
    project.kill_five_times(*arguments, before=forget)
    project.acnet(*arguments)
    assert project.files() == files
    assert project.dvc("status").returncode == 0
    if command == "publish":
        assert set(pointer(project)) == set(files)
