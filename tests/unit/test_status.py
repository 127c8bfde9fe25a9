"""What `acnet status` says of a run."""

import json
import shutil
import subprocess
import sys

import pytest

from acnet import provenance
from acnet.cli import main
from acnet.files import write_json, write_text
from acnet.jobs.run_lock import RunLock
from acnet.jobs.status_files import note
from acnet.params.campaign import Campaign
from acnet.status import campaign_status, run_status


@pytest.fixture
def campaign(root):
    return Campaign(root / "params", "mini")


@pytest.fixture
def look(campaign, tmp_path):
    """A function that gives state and detail of acb3, whose folder it carries as `folder`."""

    def look():
        found = run_status(campaign, "acb3", 0, tmp_path / "results", tmp_path / "logs")
        return found.state, found.detail

    look.folder = tmp_path / "results" / "mini" / "acb3" / "seed0"
    look.log = tmp_path / "logs" / "train" / "mini" / "acb3" / "seed0.log"
    return look


def finish(folder, campaign, **other):
    facts = {
        "params_hash": campaign.resolve("acb3", 0).digest(),
        "source_hash": provenance.source_hash(),
        "seconds": 75,
        "device": "CPU",
    }
    write_json(folder / "provenance.json", {**facts, **other})
    (folder / "checkpoint.pt").touch()


def test_a_run_nobody_has_touched_waits(look):
    assert look() == ("waiting", "")


def test_a_living_trainer_is_running_with_step_loss_lr_and_time_left(look):
    lock = RunLock(look.folder / "resume")
    lock.acquire(lambda _: None)
    assert look()[0] == "running"
    assert look()[1].startswith("starting; process ")
    facts = {"step": 7, "steps": 90, "loss": 1.23456, "learning_rate": 0.05, "steps_per_second": 4, "seconds_left": 70}
    write_json(look.folder / "resume" / "progress.json", facts)
    assert "step 7/90, loss 1.235, lr 0.05, 4.00 steps/s, 1 min 10 s left; process " in look()[1]
    lock.release()


def test_a_trainer_killed_before_it_could_say_anything_has_failed(look):
    note(look.folder / "resume", "resuming at step 4")
    assert look() == ("failed", "killed after: resuming at step 4")


def test_a_failed_run_shows_the_last_line_of_its_log(look):
    write_text(look.log, "acb3: 1/9 steps\nacnet: data/x: not found\n\n")
    assert look() == ("failed", "acnet: data/x: not found")


def test_a_run_whose_results_were_removed_waits_though_its_log_ends_well(look):
    write_text(look.log, "acb3: 9/9 steps\nacb3 seed 0 at mini: finished after 14 s of training\n")
    assert look() == ("waiting", "")
    note(look.folder / "resume", "finished after 14 s of training")
    assert look()[0] == "failed"  # killed before it was published


def test_a_run_stopped_by_a_signal_or_limit_is_stopped_not_failed(look):
    note(look.folder / "resume", "stopped before its time limit at step 3 of 9; the same command resumes there")
    write_text(look.log, "acnet: stopped\n")
    assert look()[0] == "stopped"
    assert look()[1].startswith("stopped before its time limit at step 3 of 9")


def test_a_finished_run_is_done(look, campaign):
    finish(look.folder, campaign)
    assert look() == ("done", "trained in 1 min 15 s on CPU")


def test_a_run_trained_by_other_code_is_stale(look, campaign):
    finish(look.folder, campaign, source_hash="0")
    assert look()[0] == "stale"


def test_a_run_trained_with_other_parameters_waits(look, campaign):
    finish(look.folder, campaign, params_hash="0")
    assert look() == ("waiting", "its parameters have changed since it was trained")


def test_the_command_lists_all_28_runs_and_counts_them(root, tmp_path, capsys):
    roots = [f"--params-root={root}/params", f"--results-root={tmp_path}", f"--logs-root={tmp_path}"]
    assert main([*roots, "status", "--scale", "paper"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 29
    assert lines[-1] == "28 runs at paper: 28 waiting"


def test_json_holds_every_run_with_its_state(root, tmp_path, capsys):
    roots = [f"--params-root={root}/params", f"--results-root={tmp_path}", f"--logs-root={tmp_path}"]
    assert main([*roots, "status", "--scale", "paper", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["scale"] == "paper" and len(said["runs"]) == 28
    assert {"run": "acb3", "seed": 0, "state": "waiting", "detail": ""} in said["runs"]


def test_a_run_that_no_table_needs_is_listed_once_it_has_results(root, tmp_path):
    params = shutil.copytree(root / "params", tmp_path / "params")
    with open(params / "runs.yaml", "a") as handle:
        handle.write("\nmine: {dataset: cityscapes, role: r50}\nunused: {dataset: cityscapes, role: r50}\n")
    (tmp_path / "results/mini/mine/seed0").mkdir(parents=True)
    found = campaign_status(Campaign(params, "mini"), tmp_path / "results", tmp_path / "logs")
    runs = [entry.run for entry in found]
    assert len(runs) == 29 and "mine" in runs and "unused" not in runs


def test_a_scale_without_some_datasets_lists_only_its_own_runs(root, tmp_path):
    found = campaign_status(Campaign(root / "params", "camvid"), tmp_path, tmp_path)
    assert {entry.run for entry in found} >= {"fcn_s16", "acb3"}
    assert not [entry for entry in found if entry.run.startswith("ade_")]


def test_looking_does_not_load_torch():
    code = "import sys, acnet.status; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout.strip().lower()) is False
