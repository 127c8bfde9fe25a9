"""Runs as DVC experiments, seen through real DVC and Git."""

import json
import shutil
import subprocess
import sys

import pytest

from acnet.params.run import read_run
from acnet.provenance import source_hash

from .temporary_project import Project, train, use_remote

ACB3, FCN = "mini-acb3-seed0", "mini-fcn_s16-seed0"
UP_TO_DATE = "snakemake:\n\talways changed\n"  # whether it has anything to do is Snakemake's to say


@pytest.fixture
def recorded(project) -> Project:
    project.acnet("record")
    return project


def test_rows_have_the_same_filled_columns_and_can_be_sorted_applied_compared_and_removed(recorded):
    rows = recorded.rows()
    files = [file for name in (".git", ".dvc") for file in (recorded.root / name).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 2e6
    assert set(rows) == {"workspace", "HEAD", ACB3, FCN, "mini-r101_ohem_trainval-seed0"}
    assert len({tuple(sorted(row)) for row in rows.values()}) == 1
    assert all(value not in (None, "", {}) for row in rows.values() for value in row.values())
    acb3, fcn = rows[ACB3], rows[FCN]
    named = ("dataset", "backbone", "stride", "modules", "delta", "n", "blocks", "strategies", "seed", "commit")
    assert [acb3[name] for name in named] == [
        "mini_cityscapes", "resnet18", 16, "GCM+LCM", 5.0, 3, 3, "none", 0, "0123456789",
    ]  # fmt: skip
    assert [fcn[name] for name in ("modules", "delta", "n", "blocks")] == ["none"] * 4
    metrics = json.loads((recorded.folder("acb3") / "metrics" / "single.json").read_text())
    assert acb3["single.miou"] == pytest.approx(100 * metrics["miou"], abs=1e-3)
    assert (acb3["multi_flip.miou"], fcn["single_flip.pixacc"]) == ("not run", "not run")
    assert rows["mini-r101_ohem_trainval-seed0"]["strategies"] == "MG+DA+OHEM"
    shown = recorded.dvc("exp", "show", "--csv", "--sort-by", "score", "--sort-order", "desc").stdout.splitlines()
    best_first = sorted((ACB3, FCN), key=lambda name: rows[name]["single.miou"], reverse=True)
    assert [line.split(",")[0] for line in shown[3:]] == [*best_first, "mini-r101_ohem_trainval-seed0"]
    shown = recorded.dvc("plots", "show")
    assert "index.html" in shown.stdout and "WARNING" not in shown.stderr  # no run is applied yet
    recorded.dvc("exp", "apply", ACB3)
    placed = recorded.root / "experiment" / "checkpoint.pt"
    assert placed.read_bytes() == (recorded.folder("acb3") / "checkpoint.pt").read_bytes()
    assert 'run: "acb3"' in (recorded.root / "experiment" / "params.yaml").read_text()
    assert recorded.dvc("status").stdout == UP_TO_DATE
    diff = recorded.dvc("exp", "diff", FCN, ACB3).stdout
    assert "single.miou" in diff and "modules" in diff
    plots = json.loads(recorded.dvc("plots", "diff", ACB3, FCN, "--json").stdout)
    assert not plots.get("errors")
    assert set(plots["data"]) == {"training loss", "learning rate", "IoU by class", "confusion"}
    assert all(part["revisions"] == [ACB3, FCN] for parts in plots["data"].values() for part in parts)
    recorded.dvc("exp", "remove", FCN)
    assert FCN not in recorded.rows()
    assert "1 new" in recorded.acnet("record").stderr


def test_a_row_says_what_has_changed_since_its_run_was_trained(project):
    def stale() -> str:
        return project.rows()[ACB3]["stale"]

    file = project.folder("acb3") / "provenance.json"
    today = {"source_hash": source_hash(), "params_hash": read_run(file.with_name("params.yaml")).digest()}
    project.acnet("record")
    assert stale() == "code+parameters"
    file.write_text(json.dumps({**json.loads(file.read_text()), **today}))
    project.acnet("record")
    assert stale() == "no"
    runs = project.root / "params" / "runs.yaml"
    runs.write_text(
        runs.read_text().replace("acb3:        {dataset: cityscapes,", "acb3: {delta: 3.0, dataset: cityscapes,")
    )
    assert "recorded: 1 replaced, 2 unchanged" in project.acnet("record").stderr
    assert stale() == "parameters"


def test_recording_again_changes_what_has_changed_and_leaves_the_work_tree_untouched(project):
    (project.root / "params" / "notes.txt").write_text("mine, not committed")
    (project.root / "Snakefile").write_text("# mine\n")
    project.git("add", "Snakefile")
    before = project.git("status", "--porcelain"), project.git("stash", "list")
    project.acnet("record")
    refs = project.git("for-each-ref", "refs/exps")
    again = project.acnet("record")
    assert (project.git("status", "--porcelain"), project.git("stash", "list")) == before
    assert project.git("for-each-ref", "refs/exps") == refs
    assert "3 unchanged" in again.stderr and "the work tree differs" in again.stderr
    # A run that was trained again, and one that is being trained, with a checkpoint that is not its own yet.
    old = project.rows()
    train(project, "acb3", variant="again")
    train(project, "gc_s16")
    shutil.copy(project.folder("acb3") / "checkpoint.pt", project.folder("gc_s16") / "checkpoint.pt")
    done = project.acnet("record")
    assert "1 replaced" in done.stderr and "gc_s16" in done.stderr and "is it being trained?" in done.stderr
    rows = project.rows()
    assert rows.keys() == old.keys() and rows[ACB3]["rev"] != old[ACB3]["rev"]
    # A later commit gets all rows, and names stay single.
    project.commit("notes.md", "more")
    assert set(project.rows()) == {"workspace", "HEAD"}
    assert "3 moved" in project.acnet("record").stderr
    moved = project.rows()
    assert moved[ACB3]["rev"] != rows[ACB3]["rev"] and moved[ACB3]["commit"] == "0123456789"
    assert len(project.git("for-each-ref", "refs/exps").splitlines()) == 3


def test_a_cache_that_a_group_shares_stays_open_to_the_group(project, tmp_path):
    cache = tmp_path / "cache"
    project.dvc("config", "--local", "cache.dir", str(cache))
    project.dvc("config", "--local", "cache.shared", "group")
    use_remote(project, tmp_path / "store")
    for command in ("record", "publish", "place acb3"):
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        cache.chmod(0o2775)
        project.acnet(*command.split())
        folders = [path for path in cache.rglob("*") if path.is_dir()]
        assert folders and all(path.stat().st_mode & 0o020 for path in folders), command
    assert not (project.root / ".dvc/cache").exists()


def test_who_signs_commits_or_hooks_into_them_is_not_asked(project, tmp_path, monkeypatch):
    hook = tmp_path / "hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    settings = f"[core]\n\thooksPath = {hook.parent}\n[commit]\n\tgpgsign = true\n[user]\n\tsigningkey = nobody\n"
    (tmp_path / "gitconfig").write_text(settings)
    use_remote(project, tmp_path / "store")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert "recorded: 3 new" in project.acnet("record").stderr
    assert "published: campaign mini" in project.acnet("publish").stderr


def test_without_git_recording_says_so_and_succeeds(project):
    shutil.rmtree(project.root / ".git")
    done = project.acnet("record")
    assert "no runs recorded" in done.stderr and "not a Git repository" in done.stderr


def test_two_campaigns_recorded_at_once_lose_nothing(project):
    shutil.copy(project.root / "params/scales/mini.yaml", project.root / "params/scales/twin.yaml")
    shutil.copytree(project.root / "results" / "mini", project.root / "results" / "twin")
    for file in (project.root / "results" / "twin").glob("*/*/params.yaml"):
        file.write_text(file.read_text().replace("scale: mini", "scale: twin", 1))
    command = [sys.executable, "-m", "acnet", "record", "--scale"]
    running = [subprocess.Popen([*command, scale], cwd=project.root) for scale in ("mini", "twin") * 2]
    assert [process.wait() for process in running] == [0] * 4
    assert sum(name.startswith(("mini", "twin")) for name in project.rows()) == 6
    project.git("fsck", "--strict")


def test_killed_recordings_leave_a_sound_repository(project):
    kills = iter(range(99))
    project.kill_five_times("record", before=lambda: project.commit("notes.md", f"{next(kills)}"))
    project.acnet("record")
    assert len(project.rows()) == 5
    project.dvc("exp", "apply", ACB3)
    assert project.dvc("status").stdout == UP_TO_DATE
