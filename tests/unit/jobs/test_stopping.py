"""When a training stops because its job ends: Slurm's word, the environment's and the command line's."""

import time

import pytest

from acnet.errors import AcnetError
from acnet.jobs.stopping import TimeLimit

NOW = 1_700_000_000.0


@pytest.fixture
def stops_after(monkeypatch):
    """A function from limits, Slurm's in seconds, to the seconds after which no step is begun; -1 for never."""

    def find(minutes: float | None = None, slurm: float | None = None, environment="", pause: float = 0.0) -> int:
        monkeypatch.setenv("ACNET_TIME_LIMIT", environment)
        monkeypatch.setenv("SLURM_JOB_END_TIME", "" if slurm is None else f"{NOW + slurm:.0f}")
        clock = [NOW]
        monkeypatch.setattr(time, "time", lambda: clock[0])
        limit = TimeLimit(minutes)
        for clock[0] in (NOW + second for second in range(10_000)):
            if limit.reached(pause):
                return round(clock[0] - NOW)
        return -1

    return find


def test_the_end_of_a_slurm_job_leaves_a_tenth_of_its_time_and_at_most_half_a_minute(stops_after):
    assert stops_after(slurm=100) == 90
    assert stops_after(slurm=7200) == 7170


def test_a_step_and_a_save_as_long_as_the_longest_so_far_must_fit_in_twice(stops_after):
    assert stops_after(slurm=7200, pause=45) == 7170 - 90


def test_whichever_limit_comes_first_counts(stops_after):
    assert stops_after(slurm=100, minutes=60) == stops_after(slurm=100, environment="60") == 90
    assert stops_after(slurm=7200, minutes=10) == stops_after(slurm=7200, environment="10") == 570
    assert stops_after(minutes=10, environment="1") == 570  # the command line's in place of the environment's


def test_without_a_limit_it_never_comes(stops_after):
    assert stops_after() == -1


def test_an_end_that_is_over_when_the_training_starts_is_another_jobs_and_ignored(stops_after):
    assert stops_after(slurm=-3600) == stops_after(slurm=0) == -1
    assert stops_after(slurm=-3600, minutes=10) == 570


def test_an_end_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_END_TIME", "soon")
    with pytest.raises(AcnetError, match="SLURM_JOB_END_TIME: 'soon' is not a time in seconds"):
        TimeLimit()
