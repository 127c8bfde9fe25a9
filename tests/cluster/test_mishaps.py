"""A training on Slurm that meets with a mishap ends complete, and its metrics are those of a training in peace."""

import json
import os
import re
import signal

import psutil
import pytest

from tests.cluster.conftest import METRICS, RUN


@pytest.fixture
def same(project, reference):
    """A check, at the test's end, that the disturbed run gave the reference's bytes and left no state behind."""

    def check() -> None:
        assert (project.folder / METRICS).read_bytes() == (reference.folder / METRICS).read_bytes()
        assert not list((project.folder / RUN / "resume").glob("*.pt"))

    return check


def trainings(project) -> list[str]:
    """Slurm's ids of the jobs that started the training."""
    return [job for job, _, limit in project.jobs() if limit != "none"]


def resumed(project) -> bool:
    return "resuming at step" in (project.folder / "logs/train/mini/fcn_s16/seed0.log").read_text()


def test_a_job_at_its_time_limit_goes_on_in_the_next(project, slurm, same):
    snakemake = project.start(METRICS, "--set-resources", "train:runtime=1")
    job = project.training_job()
    trainers = [process for process in psutil.process_iter(["cmdline", "cwd"]) if is_trainer(process, project)]
    assert trainers
    for process in trainers:
        process.suspend()  # until Slurm's own end of the job, a minute after its start
    slurm.wait(lambda: job in slurm.jobs("timeout"), "the time limit", 150)
    project.finish(snakemake)
    assert [limit for _, _, limit in project.jobs()[:2]] == ["0.5", "0.5"]
    assert resumed(project)
    same()


def test_a_training_longer_than_its_job_stops_by_itself_and_goes_on_in_the_next(project, slurm, same):
    # A slower machine, with the same result: 80 steps take 32 s at least, and a job has half a minute less a tenth.
    begun = "set_learning_rate(optimizer, learning_rate)"
    project.edit("acnet/train/train.py", begun, f"{begun}; __import__('time').sleep(0.4)")
    project.finish(project.start(METRICS, "--set-resources", "train:runtime=1"))
    first, *others = trainings(project)
    assert others and first not in others
    assert "JobState=FAILED" in slurm.run("scontrol", "show", "job", first)  # and not TIMEOUT
    journal = "\n".join(json.loads((project.folder / RUN / "provenance.json").read_text())["journal"])
    stops = re.findall(r" stopped before its time limit at step (\d+) of 80; the same command resumes", journal)
    assert len(stops) == len(others) and 0 < int(stops[0]) < 80
    assert re.findall(r" resuming at step (\d+)", journal) == stops
    same()


def is_trainer(process: psutil.Process, project) -> bool:
    words = process.info["cmdline"] or []
    return process.info["cwd"] == str(project.folder) and words[1:3][-1:] == ["train"]


def test_a_cancelled_training_goes_on(project, slurm, same):
    snakemake = project.start(METRICS)
    slurm.run("scancel", project.training_job())
    project.finish(snakemake)
    assert len(trainings(project)) == 2 and resumed(project)
    same()


def test_a_job_cancelled_before_it_started_is_submitted_again(project, slurm, same):
    other = slurm.run("sbatch", "--parsable", "--gpus=2", "--output=/dev/null", "--wrap=sleep 600").strip()
    snakemake = project.start(METRICS)
    slurm.run("scancel", project.training_job("pending"))
    slurm.run("scancel", other)
    project.finish(snakemake)
    assert len(trainings(project)) == 1
    same()


def test_a_cancelled_measurement_is_made_again(project, slurm, same):
    snakemake = project.start(METRICS)

    def measuring() -> list[str]:
        return [job for job, rule in slurm.jobs("running").items() if rule.startswith("rule_evaluate")]

    slurm.wait(measuring, "a measurement", 150)
    slurm.run("scancel", *measuring())
    project.finish(snakemake)
    assert len(trainings(project)) == 1
    same()


def test_a_preempted_job_is_put_back_and_goes_on(project, slurm, same):
    snakemake = project.start(METRICS)
    job = project.training_job()
    slurm.run("scontrol", "requeue", job)  # what PreemptMode=REQUEUE does to it
    project.finish(snakemake)
    assert trainings(project) == [job, job] and resumed(project)
    same()


def test_a_training_does_not_notice_that_slurmd_died(project, slurm, same):
    snakemake = project.start(METRICS)
    job = project.training_job()
    slurm.kill(f"slurmd-{slurm.nodes[0]}")
    slurm.start()
    project.finish(snakemake)
    assert trainings(project) == [job]
    same()


def test_a_node_that_died_and_came_back_goes_on_with_its_job(project, slurm, same):
    snakemake = project.start(METRICS)
    job = project.training_job()
    slurm.kill_node(slurm.nodes[0])
    slurm.start()
    project.finish(snakemake)
    assert trainings(project) == [job, job] and resumed(project)
    same()


def test_a_controller_that_was_killed_and_restarted_loses_nothing(project, slurm, same):
    snakemake = project.start(METRICS)
    job = project.training_job()
    slurm.kill("slurmctld")
    slurm.start()
    project.finish(snakemake)
    assert trainings(project) == [job]
    same()


def test_snakemake_killed_and_started_again_while_its_job_goes_on(project, slurm, same):
    snakemake = project.start(METRICS)
    project.training_job()
    os.kill(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    project.finish(project.start(METRICS))
    same()


def test_snakemake_and_its_job_killed_and_started_again(project, slurm, same):
    snakemake = project.start(METRICS)
    job = project.training_job()
    os.kill(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    slurm.run("scancel", "--signal=KILL", "--full", job)
    project.finish(project.start(METRICS))
    assert len(trainings(project)) == 2 and resumed(project)
    same()


def test_ctrl_c_takes_the_jobs_back_and_the_next_start_goes_on(project, slurm, same):
    snakemake = project.start(METRICS)
    job = project.training_job()
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(60) == 1
    assert "Terminating processes on user request" in project.output()
    slurm.wait(lambda: job not in slurm.jobs("running,completing"), "the job to be taken back")
    project.finish(project.start(METRICS))
    assert len(trainings(project)) == 2 and resumed(project)
    same()
