"""A training on Slurm that meets with mishaps ends complete, and its metrics are those of a training in peace."""

import json
import os
import re
import signal

import psutil
import pytest

from tests.cluster.conftest import METRICS, RUN


@pytest.fixture
def slow(project, reference):
    """The project's training takes a second for each of its 80 steps while this file exists; in the end the metrics are
    the undisturbed training's bytes, with no state left behind."""
    file = project.folder / "slow"
    file.touch()
    yield file
    assert (project.folder / METRICS).read_bytes() == (reference.folder / METRICS).read_bytes()
    assert not list((project.folder / RUN / "resume").glob("*.pt"))


def trainings(project) -> list[str]:
    """Slurm's ids of the jobs that started the training."""
    return [job for job, _, limit in project.jobs() if limit != "none"]


def resumed(project) -> list[int]:
    """The steps at which the training went on so far."""
    files = [project.folder / RUN / "resume/journal.txt", project.folder / RUN / "provenance.json"]
    text = "".join(file.read_text() for file in files if file.exists())
    return [int(step) for step in re.findall(r" resuming at step (\d+)", text)]


def goes_on(project, slurm, times: int) -> None:
    """Wait until the training has gone on so many times."""
    slurm.wait(lambda: len(resumed(project)) == times, "the training to go on", 150)


def test_jobs_and_daemons_that_die_cost_neither_a_step_nor_a_byte(project, slurm, slow):
    # Cancelled before it started, it is submitted again.
    other = slurm.run("sbatch", "--parsable", "--gpus=2", "--output=/dev/null", "--wrap=sleep 600").strip()
    snakemake = project.start(METRICS)
    cancelled = project.training_job("pending")
    slurm.run("scancel", cancelled, other)
    job = project.training_job()
    # The training does not notice that a daemon died and came back.
    for daemon in ("slurmctld", f"slurmd-{slurm.nodes[0]}"):
        slurm.kill(daemon)
        slurm.start()
    assert trainings(project) == [job] != [cancelled] and job in slurm.jobs("running")
    # Preempted, which is what requeue does, and then with its node dead for a while, the same job goes on.
    slurm.run("scontrol", "requeue", job)
    goes_on(project, slurm, 1)
    slurm.kill_node(slurm.nodes[0])
    slurm.start()
    goes_on(project, slurm, 2)
    assert trainings(project) == [job] * 3
    # Cancelled, another one does.
    slurm.run("scancel", job)
    goes_on(project, slurm, 3)
    slow.unlink()

    def measuring() -> list[str]:
        return [job for job, rule in slurm.jobs("running").items() if rule.startswith("rule_evaluate")]

    slurm.wait(measuring, "a measurement", 150)
    slurm.run("scancel", *measuring())
    project.finish(snakemake)
    assert len(trainings(project)) == 4 and len({*trainings(project)}) == 2
    first, second, third = resumed(project)
    assert 0 < first <= second <= third < 80


def test_a_job_killed_at_its_time_limit_and_one_that_stops_in_time_go_on_in_the_next(project, slurm, slow):
    snakemake = project.start(METRICS, "--set-resources", "train:runtime=1")
    job = project.training_job()
    trainers = [process for process in psutil.process_iter(["cmdline", "cwd"]) if is_trainer(process, project)]
    assert trainers
    for process in trainers:
        process.suspend()  # until Slurm's own end of the job, a minute after its start
    slurm.wait(lambda: job in slurm.jobs("timeout"), "the time limit", 150)
    # The next job is too short for what is left, and has half a minute less a tenth.
    goes_on(project, slurm, 2)
    slow.unlink()
    project.finish(snakemake)
    assert [limit for _, _, limit in project.jobs()[:2]] == ["0.5", "0.5"]
    killed, stopped, last = trainings(project)
    assert killed == job != stopped != last
    assert "JobState=FAILED" in slurm.run("scontrol", "show", "job", stopped)  # and not TIMEOUT
    journal = "\n".join(json.loads((project.folder / RUN / "provenance.json").read_text())["journal"])
    (stop,) = re.findall(r" stopped before its time limit at step (\d+) of 80; the same command resumes", journal)
    assert 0 < resumed(project)[0] < resumed(project)[1] == int(stop) < 80


def is_trainer(process: psutil.Process, project) -> bool:
    words = process.info["cmdline"] or []
    return process.info["cwd"] == str(project.folder) and words[1:3][-1:] == ["train"]


def test_a_snakemake_that_was_stopped_or_killed_is_started_again_and_goes_on(project, slurm, slow):
    # Ctrl-C takes the jobs back.
    snakemake = project.start(METRICS)
    job = project.training_job()
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(60) == 1
    assert "Terminating processes on user request" in project.output()
    slurm.wait(lambda: job not in slurm.jobs("running,completing"), "the job to be taken back")
    # Killed with its job.
    snakemake = project.start(METRICS)
    goes_on(project, slurm, 1)
    job = project.training_job()
    os.kill(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    slurm.run("scancel", "--signal=KILL", "--full", job)
    slurm.wait(lambda: job not in slurm.jobs("running,completing"), "the job to end")
    assert len(trainings(project)) == 2
    # Killed while its job goes on.
    snakemake = project.start(METRICS)
    goes_on(project, slurm, 2)
    os.kill(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    snakemake = project.start(METRICS)
    slow.unlink()
    project.finish(snakemake)
    assert len(resumed(project)) >= 2  # the first job's result, or the second has gone on from its state
