"""What each profile really makes snakemake do, read from a dry run of the command its first lines document."""

import json
import math
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from snakemake.utils import available_cpu_count

from acnet.params.resources import load_resources
from acnet.params.scales import scale_names
from tests.cluster.slurm import missing
from tests.conftest import ROOT
from tests.workflow.conftest import copy_project

CLUSTER = ("slurm", "slurm-array", "generic")
PROFILES = (*CLUSTER, "local-gpu")
# The rules whose jobs are submitted, and whose entry of resources.yaml says what they need.
NEEDS = {name: name for name in ("prepare", "train", "evaluate", "examples")} | {
    "extract": "prepare",
    "gates": "evaluate",
}
ON_GPU = {"train", "evaluate", "examples", "gates"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("profiles") / "project")


def documented(profile: str) -> list[str]:
    """The arguments of the command in a profile's header."""
    text = (ROOT / f"workflow/profiles/{profile}/config.yaml").read_text()
    command = re.search(r"^#     (snakemake .*)$", text, re.MULTILINE)[1]
    assert f"--workflow-profile workflow/profiles/{profile} " in command
    return shlex.split(command)[1:]


def in_force(project, *arguments: str, environment: dict[str, str] | None = None) -> dict:
    """What a dry run works with."""
    command = [sys.executable, str(ROOT / "tests/cluster/in_force.py"), "-n", *arguments]
    environment = environment or {**os.environ, "PYTHONPATH": str(project.folder)}
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {**json.loads(done.stdout.rsplit("IN FORCE\n", 1)[1]), "said": done.stdout + done.stderr}


def check_that_the_default_profile_is_replaced(facts: dict, profile: str) -> None:
    assert facts["rerun_triggers"] == ["input", "mtime", "params"]
    assert facts["keep_going"] is True
    assert facts["config"] == configured("camvid-gpu" if profile == "local-gpu" else "paper")
    # The laptop's one GPU at a time must not hold back a cluster.
    assert facts["limits"].get("gpu") == (4 if profile == "local-gpu" else None)


def configured(scale: str) -> dict:
    """What workflow/config.yaml says, with another scale."""
    return {**yaml.safe_load((ROOT / "workflow/config.yaml").read_text()), "scale": scale}


def test_local_gpu_uses_every_core_and_four_gpus_of_this_machine_and_tries_again_once(fresh):
    facts = in_force(fresh, *documented("local-gpu"))
    check_that_the_default_profile_is_replaced(facts, "local-gpu")
    assert facts["executor"] == "local" and facts["jobs_at_once"] is None
    assert facts["cores"] == available_cpu_count() and facts["limits"] == {"gpu": 4}
    assert {job["retries"] for job in facts["jobs"].values()} == {1}
    assert {name: job["gpu"] for name, job in facts["jobs"].items() if job.get("gpu")} == dict.fromkeys(ON_GPU, 1)


@pytest.mark.parametrize("scale", ["mini", "camvid-gpu"])
def test_the_default_profile_trains_one_network_at_a_time_on_the_one_gpu_and_tries_nothing_twice(fresh, scale):
    # Without --workflow-profile, as the README's commands; those of mini need no GPU and are not held back.
    facts = in_force(fresh, "--cores", "3", *(["--config", f"scale={scale}"] if scale != "mini" else []))
    assert facts["executor"] == "local" and facts["cores"] == 3 and facts["limits"] == {"gpu": 1}
    assert facts["config"] == configured(scale)
    assert {job["retries"] for job in facts["jobs"].values()} == {0}
    assert facts["rerun_triggers"] == ["input", "mtime", "params"] and facts["keep_going"] is True
    wanted = {name: job["gpu"] for name, job in facts["jobs"].items() if job.get("gpu")}
    assert wanted == ({} if scale == "mini" else dict.fromkeys(ON_GPU, 1))


@pytest.mark.parametrize("profile", CLUSTER)
def test_a_cluster_gets_what_each_rule_needs(profile, fresh):
    facts = in_force(fresh, *documented(profile))
    check_that_the_default_profile_is_replaced(facts, profile)
    assert facts["config"]["scale"] == "paper"
    assert facts["jobs_at_once"] == (1000 if profile == "slurm-array" else 100) and facts["cores"] == 1
    assert facts["latency_wait"] == 60
    jobs = facts["jobs"]
    expected = load_resources(ROOT / "params", "paper")
    assert {name for name, job in jobs.items() if not job["local"]} == set(NEEDS)
    for name, entry in NEEDS.items():
        need = getattr(expected, entry)
        asked = [jobs[name][resource] for resource in ("runtime", "mem_mb", "disk_mb")]
        assert asked == [need.runtime, need.mem_mb, need.disk_mb]
        assert jobs[name]["retries"] == 5
    assert {name for name, job in jobs.items() if job.get("gpu")} == ON_GPU
    assert "the longest training" not in facts["said"]
    if profile == "generic":
        return
    # Slurm needs no accounting and puts jobs back.
    assert facts["executor"] == "slurm"
    assert facts["settings"]["status_command"] == "squeue"
    assert facts["settings"]["requeue"] == "True"
    assert facts["settings"]["array_jobs"] == ("None" if profile == "slurm" else "train,evaluate,examples,gates")


def test_the_settings_shown_as_comments_are_valid_and_work(fresh):
    """Partition, account and model of GPU, as a user would fill them in."""
    file = fresh.folder / "workflow/profiles/slurm/config.yaml"
    text = file.read_text()
    shown = re.sub(r"^# (default-resources|set-resources|  \w+: \{)", r"\1", text, flags=re.MULTILINE)
    assert shown != text
    file.write_text(shown.replace("{slurm_partition: gpu} # also", "{slurm_partition: gpu, gpu_model: a100} # also"))
    jobs = in_force(fresh, *documented("slurm"))["jobs"]
    file.write_text(text)
    assert {name for name in NEEDS if jobs[name]["slurm_partition"] == "gpu"} == ON_GPU
    assert jobs["prepare"]["slurm_partition"] == "cpu"
    assert {jobs[name]["slurm_account"] for name in NEEDS} == {"my_account"}
    assert jobs["train"]["gpu_model"] == "a100"


@pytest.mark.skipif(missing() is not None, reason=missing() or "")
def test_sbatch_asks_for_what_the_dry_run_said(slurm, tmp_path):
    """A real submission, of which squeue tells partition, cores, memory, GPUs and time limit."""
    project = copy_project(tmp_path / "project")
    project.edit("params/scales/mini.yaml", "comparable:", "gpus: 1\ncomparable:")
    manifest = project.folder / "data/mini_cityscapes/manifest.json"
    manifest.parent.mkdir(parents=True)
    (project.folder / "data/raw/mini_cityscapes").mkdir(parents=True)
    manifest.write_text("{}")
    other = slurm.run("sbatch", "--parsable", "--gpus=2", "--output=/dev/null", "--wrap=sleep 600").strip()
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "workflow/profiles/slurm"]
    command += ["results/mini/fcn_s16/seed0/checkpoint.pt", "--set-resources", "train:slurm_partition=other"]
    command += ["--set-threads", "train=3"]
    environment = {**slurm.environment(), "PYTHONPATH": str(project.folder)}
    snakemake = subprocess.Popen(
        command, cwd=project.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        slurm.wait(lambda: "rule_train" in str(slurm.jobs("pending")), "the submission", 120)
        (job,) = slurm.jobs("pending")
        facts = dict(re.findall(r"(\S+?)=(\S+)", slurm.run("scontrol", "show", "job", job)))
    finally:
        snakemake.kill()
        snakemake.wait()
        slurm.run("scancel", other, *slurm.jobs("pending"))
    need = load_resources(ROOT / "params", "mini").train
    assert facts["Partition"] == "other" and facts["TimeLimit"] == f"00:{need.runtime}:00"
    assert facts["MinMemoryNode"] in (f"{need.mem_mb}M", f"{need.mem_mb / 1024:g}G")
    assert facts["CPUs/Task"] == "3" and facts["TresPerJob"] == "gres:gpu:1" and facts["Requeue"] == "1"


@pytest.mark.parametrize("profile", CLUSTER)
def test_retries_cover_the_longest_training_and_two_mishaps(profile):
    retries = yaml.safe_load((ROOT / f"workflow/profiles/{profile}/config.yaml").read_text())["retries"]
    for scale in scale_names(ROOT / "params"):
        resources = load_resources(ROOT / "params", scale)
        assert math.ceil(60 * resources.longest / resources.train.runtime) <= 1 + retries - 2


def test_the_guide_shows_each_profiles_command_and_its_other_commands_do_what_it_says(fresh):
    text = (ROOT / "docs/cluster.md").read_text()
    shown = [line.partition("#")[0].strip() for line in text.splitlines()]
    shown = [shlex.split(line)[1:] for line in shown if re.match(r"snakemake (-|table)", line)]
    for profile in (*PROFILES, "kubernetes"):
        assert documented(profile) in shown
    (first,) = (words for words in shown if words[0] == "table1")
    facts = in_force(fresh, *first)
    assert facts["executor"] == "slurm" and facts["config"]["scale"] == "mini"
    assert not any(job.get("gpu") for job in facts["jobs"].values())
    cap = re.search(r"\*\*Limit\*\* the GPUs of all jobs together: `snakemake (.*?)`", text)[1]
    facts = in_force(fresh, *shlex.split(cap))
    assert facts["limits"]["gpu"] == 16 and facts["jobs"]["train"]["gpu"] == 1 and facts["executor"] == "slurm"


def test_a_dry_run_says_when_the_retries_fall_short(fresh):
    command = [*documented("slurm"), "--set-resources", "train:runtime=600"]
    said = fresh.snakemake("-n", *command).stdout
    assert said.count("the longest training run takes some 96 hours, more than (1 + 5 retries) x 600 minutes") == 1


def test_several_gpus_and_nodes_reach_sbatch_and_a_batch_that_cannot_be_split_is_refused(fresh):
    file = fresh.folder / "params/resources.yaml"
    text = file.read_text()
    try:
        file.write_text(text.replace("  paper:", "  paper:\n    spread: {acb3: {gpus: 8, nodes: 2}, acb2: {gpus: 4}}"))
        one, two = (
            in_force(fresh, f"results/paper/{run}/seed0/checkpoint.pt", *documented("slurm"))["jobs"]["train"]
            for run in ("acb2", "acb3")
        )
        assert (one["gpu"], one["nodes"], one["tasks_per_gpu"]) == (4, 1, 0) and "mpi" not in one
        assert (two["gpu"], two["nodes"], two["tasks"], two["mpi"]) == (8, 2, 2, "srun")
        assert two["slurm_extra"] == "--ntasks-per-node=1 --gpus-per-node=4"
        file.write_text(text.replace("  paper:", "  paper:\n    spread: {acb3: {gpus: 3}}"))
        done = fresh.snakemake("-n", *documented("slurm"), check=False)
        assert done.returncode != 0 and "Traceback" not in done.stdout
        assert "the batch of run 'acb3', 8, cannot be split over 3 processes" in done.stdout
    finally:
        file.write_text(text)
