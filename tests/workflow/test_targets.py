"""What each target asks for, and how a mistake is answered."""

import os
import signal
import subprocess
import sys
import time

import pytest


def test_everything_from_nothing(project):
    planned = project.planned()
    assert planned["train"] == planned["resolve"] == 28
    assert planned["generate"] == planned["prepare"] == 4
    assert planned["table"] == 8 and planned["figure"] == 5
    assert "submission" not in planned
    assert planned["all"] == planned["cells"] == planned["claims"] == planned["page"] == 1


def test_what_is_at_hand_is_drawn_and_recorded_in_one_command(project):
    planned = project.planned("report", "record")
    assert planned["page"] == planned["record"] == 1 and not planned["train"]


def test_a_misspelt_profile_is_refused_not_ignored(project):
    for words in (["--workflow-profile", "workflow/profiles/slrum"], ["--workflow-profile=workflow/profiles/slrum"]):
        done = project.snakemake("-n", "table1", *words, check=False)
        assert done.returncode == 1
        said = "--workflow-profile workflow/profiles/slrum: no such folder; workflow/profiles has default, generic, "
        assert said in done.stdout
    project.snakemake("-n", "table1", "--workflow-profile", "none")


def test_controls_are_no_part_of_everything_and_may_be_asked_for_with_it(project):
    planned = project.planned("all", "controls")
    assert planned["train"] == 28 + 18 and planned["table"] == 9
    assert planned["page"] == planned["all"] == planned["controls"] == 1


@pytest.mark.parametrize(
    ("target", "trained"),
    [
        ("table1", 10),
        ("table4", 2),  # r101_ohem and its fine-tuned one
        ("figure1", 3),
        ("figure2", 0),
        ("controls", 18 + 9),  # with the paper's networks beside which they stand
        ("peers", 18 + 3),  # with ACNet, the FCN and the decoder
    ],
)
def test_a_target_trains_what_it_needs_and_nothing_else(project, target, trained):
    planned = project.planned(target)
    assert planned["train"] == trained
    assert planned["table"] + planned["figure"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tabel3"], "controls, pooling, peers; did you mean 'table3'?"),
        (["table9"], "target 'table9': scale 'mini' has table1"),
        (["--config", "scale=camvd"], "did you mean 'camvid'?"),
        (["--config", "scale=2024_05"], "--config scale=2024_05: Snakemake reads this name as the number 202405"),
        (["publish", "--config", "with_data=no"], "--config with_data=no: expected true or false"),
        (["--config", "sclae=camvid"], "--config: unknown key 'sclae'; did you mean 'scale'?"),
        (
            ["--config", "target=table3"],
            "--config target=table3: only `dvc exp run` reads it; type `snakemake --cores all table3`",
        ),
        (["runs", "--config", "runs=fcn_s61"], "did you mean 'fcn_s16'?"),
        (["--config", "runs=fcn_s16"], "--config runs=fcn_s16: is for the target runs; add it to the command"),
    ],
)
def test_an_unknown_name_is_one_clear_line(project, arguments, said):
    done = project.snakemake("-n", *arguments, check=False)
    assert done.returncode != 0
    assert any(said in line for line in done.stdout.splitlines()), done.stdout
    assert "Traceback" not in done.stdout


def test_a_typo_in_params_stops_before_anything_starts(project):
    project.edit("params/runs.yaml", "delta: 2.0", "detla: 2.0")
    done = project.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    assert "params/runs.yaml: gcm_d2_s16: unknown key 'detla'; did you mean 'delta'?" in done.stdout
    assert not (project.folder / "results").exists()


def test_a_missing_dataset_is_named_with_how_to_get_it(project):
    done = project.snakemake("--cores", "1", "data/cityscapes/manifest.json", "--config", "scale=paper", check=False)
    assert done.returncode != 0
    assert "data/raw/cityscapes" in done.stdout and "ACNET_CITYSCAPES" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_lock_left_by_a_killed_snakemake_needs_no_hand_and_that_of_a_living_one_stays(project):
    manifest = "data/mini_ade20k/manifest.json"
    environment = {**os.environ, "PYTHONPATH": str(project.folder)}

    def start(*command):
        words = [sys.executable, *command, "--cores", "1", manifest]
        return subprocess.Popen(
            words, cwd=project.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    plain = start("-m", "snakemake")
    machines = project.folder / ".snakemake/machines"
    while not machines.exists() or not machines.read_text():
        assert plain.poll() is None, plain.stdout.read()
        time.sleep(0.01)
    os.killpg(plain.pid, signal.SIGSTOP)
    refused = start("workflow/start.py")
    assert "--unlock" in refused.communicate()[0] and refused.returncode != 0
    os.killpg(plain.pid, signal.SIGKILL)
    plain.communicate()
    again = start("workflow/start.py")
    said = again.communicate()[0]
    assert again.returncode == 0, said
    assert (project.folder / manifest).exists()
