"""What `acnet plan --profile` states of a campaign on a cluster."""

import re

import pytest

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.params.resources import uncovered
from acnet.plan.jobs import Job, load_profile
from acnet.plan.schedule import critical_path, gpu_seconds, wall_time


def named(*jobs: Job) -> dict[str, Job]:
    return {job.name: job for job in jobs}


def job(name: str, seconds: float, gpus: int = 1, after: tuple[str, ...] = ()) -> Job:
    return Job(name, "train", gpus=gpus, after=after, seconds=seconds)


# Two trainings from one dataset, one of them continued by a third.
DIAMOND = named(
    job("prepare", 10, 0), job("a", 100, 1, ("prepare",)), job("b", 60, 1, ("prepare",)), job("c", 30, 1, ("a",))
)


def test_one_gpu_does_one_training_after_another_and_two_end_with_the_critical_path():
    assert wall_time(DIAMOND, 1, 10) == 200
    assert wall_time(DIAMOND, 2, 10) == 140
    assert [job.name for job in critical_path(DIAMOND)] == ["prepare", "a", "c"]
    assert wall_time(DIAMOND, 50, 10) == sum(job.seconds for job in critical_path(DIAMOND))
    assert gpu_seconds(list(DIAMOND.values())) == 190


def test_the_longest_way_goes_first():
    short_first = named(job("s", 10), job("t", 10), job("l", 20))
    assert wall_time(short_first, 2, 10) == 20


def test_a_limit_of_jobs_at_a_time_holds_whatever_the_gpus():
    assert wall_time(DIAMOND, 2, 1) == 200


def test_a_training_over_more_gpus_than_there_are_takes_longer():
    wide = named(job("wide", 10, 4), job("one", 10))
    assert wall_time(wide, 4, 10) == 20
    assert wall_time(wide, 2, 10) == 30


def test_a_profile_is_read_as_snakemake_reads_it(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text(
        "jobs: 7\nretries: 3\nresources: [gpu=16]\nset-resources: {train: {runtime: 600}}\n"
    )
    profile = load_profile("mine", tmp_path)
    assert (profile.jobs, profile.retries, profile.gpus, profile.runtime) == (7, 3, 16, 600)
    for text, said in (
        ("jobs: unlimited", "jobs: a plan needs a whole number, got 'unlimited'"),
        ("set-resources: {train: {runtime: 2h}}", "set-resources.train.runtime: a plan needs a whole number, got '2h'"),
        ("set-resources: ['train:runtime=60']", "set-resources: expected a mapping, got ['train:runtime=60']"),
    ):
        (tmp_path / "mine/config.yaml").write_text(text)
        with pytest.raises(AcnetError) as error:
            load_profile("mine", tmp_path)
        assert str(error.value) == f"{tmp_path}/mine/config.yaml: {said}"
    (tmp_path / "mine/config.yaml").write_text("resources:\nset-resources:\n")
    assert load_profile("mine", tmp_path).gpus is None
    with pytest.raises(AcnetError, match=r"profile 'mime': .* has no such folder; did you mean 'mine'\?"):
        load_profile("mime", tmp_path)


def test_retries_that_do_not_cover_the_longest_training_are_said_with_numbers_that_do():
    assert uncovered(24, 480, 2) is None
    said = uncovered(25, 480, 2)
    assert "some 25 hours, more than (1 + 2 retries) x 480 minutes" in said
    assert "set retries to at least 3" in said and "train.runtime to 500 minutes" in said
    assert uncovered(25, 480, 3) is None and uncovered(25, 500, 2) is None


def test_the_plan_states_jobs_hours_wall_times_disk_and_the_critical_path(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    words = "plan --scale camvid-gpu --target table1 --profile slurm --tflops 20 --gpus 1 --gpus 1000"
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    submitted, local = map(int, re.search(r"(\d+) submitted, (\d+) on the login node", said).groups())
    counts = {rule: int(count) for count, rule in re.findall(r"(\d+) (\w+)", said.splitlines()[1])}
    assert (counts["train"], counts["resolve"], counts["table"]) == (30, 30, 1)
    # Backbone weights are fetched unless files of the user's own stand in for them.
    assert local == 31 + counts.get("fetch_weights", 0) + counts.get("fetch", 0)
    assert submitted == 30 + counts["prepare"] + counts["evaluate"] + counts["gates"] + counts.get("extract", 0)
    one, many = re.findall(r"^wall time +(.+?) on \d+ GPU", said, re.MULTILINE)
    assert one != many
    assert f"critical path   {many}: " in said and "prepare camvid" in said
    assert "GPU-hours" in said and "GiB of checkpoints" in said
