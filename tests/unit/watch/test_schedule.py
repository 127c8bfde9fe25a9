"""What `acnet plan --profile` states of a campaign on a cluster."""

import re

import pytest

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.resources import Spread, load_resources, uncovered
from acnet.watch.jobs import Job, Times, campaign_jobs
from acnet.watch.plan import planned_runs
from acnet.watch.profile import load_profile
from acnet.watch.schedule import critical_path, gpu_seconds, wall_time


def named(*jobs: Job) -> dict[str, Job]:
    return {job.name: job for job in jobs}


# Two trainings from one dataset, one of them continued by a third.
DIAMOND = named(
    Job("prepare", "prepare", 10),
    Job("a", "train", 100, 1, ("prepare",)),
    Job("b", "train", 60, 1, ("prepare",)),
    Job("c", "train", 30, 1, ("a",)),
)


def test_one_gpu_does_one_training_after_another_and_two_end_with_the_critical_path():
    assert wall_time(DIAMOND, 1, 10) == 200
    assert wall_time(DIAMOND, 2, 10) == 140
    assert [job.name for job in critical_path(DIAMOND)] == ["prepare", "a", "c"]
    assert wall_time(DIAMOND, 50, 10) == sum(job.seconds for job in critical_path(DIAMOND))
    assert gpu_seconds(list(DIAMOND.values())) == 190


def test_the_longest_way_goes_first():
    short_first = named(Job("s", "train", 10, 1), Job("t", "train", 10, 1), Job("l", "train", 20, 1))
    assert wall_time(short_first, 2, 10) == 20


def test_a_limit_of_jobs_at_a_time_holds_whatever_the_gpus():
    assert wall_time(DIAMOND, 2, 1) == 200


def test_a_training_over_more_gpus_than_there_are_takes_longer():
    wide = named(Job("wide", "train", 10, 4), Job("one", "train", 10, 1))
    assert wall_time(wide, 4, 10) == 20
    assert wall_time(wide, 2, 10) == 30


@pytest.fixture
def mini(root):
    campaign = Campaign(root / "params", "mini")
    runs = planned_runs(campaign, None)
    return campaign_jobs(campaign, load_resources(root / "params", "mini"), Times(len, lambda *_: 0.0, 1.0), runs)


def test_jobs_stand_after_those_they_wait_for(mini):
    known = set()
    for job in mini.values():
        assert set(job.after) <= known, job.name
        known.add(job.name)
    assert "train r101_ohem/0" in mini["train r101_ohem_trainval/0"].after


def test_a_run_over_four_gpus_takes_a_quarter_of_the_time(root):
    campaign = Campaign(root / "params", "paper")
    needs = load_resources(root / "params", "paper")
    needs.spread["acb3"] = Spread(gpus=4)
    jobs = campaign_jobs(campaign, needs, Times(lambda run: 400.0, lambda *_: 0.0, 1.0), ["acb2", "acb3"])
    assert (jobs["train acb3/0"].seconds, jobs["train acb3/0"].gpus) == (101.0, 4)
    assert (jobs["train acb2/0"].seconds, jobs["train acb2/0"].gpus) == (401.0, 1)


def test_a_profile_is_read_as_snakemake_reads_it(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text(
        "jobs: 7\nretries: 3\nresources: [gpu=16]\nset-resources: {train: {runtime: 600}}\n"
    )
    profile = load_profile("mine", tmp_path)
    assert (profile.jobs, profile.retries, profile.gpus, profile.runtime) == (7, 3, 16, 600)
    with pytest.raises(AcnetError, match=r"profile 'mime': .* has no such folder; did you mean 'mine'\?"):
        load_profile("mime", tmp_path)


def test_retries_that_do_not_cover_the_longest_training_are_said_with_numbers_that_do():
    assert uncovered(24, 480, 2) is None
    said = uncovered(25, 480, 2)
    assert "some 25 hours; (1 + 2 retries) x 480 minutes cover 24" in said
    assert "set retries to 3 at least" in said and "train.runtime to 500 minutes" in said
    assert uncovered(25, 480, 3) is None and uncovered(25, 500, 2) is None


def test_the_plan_states_jobs_hours_wall_times_disk_and_the_critical_path(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    words = "plan --scale camvid-gpu --target table1 --profile slurm --tflops 20 --gpus 1 --gpus 1000"
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    assert "30 train, " in said and "submitted, 30 on the login node" in said
    one, many = re.findall(r"^wall time +(.+?) on \d+ GPU", said, re.MULTILINE)
    assert one != many
    assert f"critical path   {many}: prepare camvid" in said
    assert "GPU-hours" in said and "GiB of checkpoints" in said
