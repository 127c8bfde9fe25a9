"""Killed with -9, at random and at chosen moments; asked again, every run ends as if undisturbed."""

import random

import pytest
import torch

from tests.survival.children import MOMENTS, kill_at_random, start, train
from tests.tiny import curve, prepare, weights

RANDOM = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare(folder)
    return folder


def finish(target, *arguments) -> None:
    process = start(target, *arguments)
    process.join()
    assert process.exitcode == 0


def test_a_run_that_is_killed_ends_bit_identical_to_an_undisturbed_one_by_being_asked_again(tmp_path, data):
    chance = random.Random(20)
    undisturbed, folder = tmp_path / "undisturbed" / "seed0", tmp_path / "killed" / "seed0"
    finish(train, undisturbed, data, 0)
    resume = folder / "resume"
    for _ in range(RANDOM):
        process = start(train, folder, data, 0)
        assert kill_at_random(process, resume, chance)
        assert not (folder / "checkpoint.pt").exists()
    for moment in MOMENTS:  # the last ones are at the end of a training
        process = start(train, folder, data, 0, moment)
        process.join()
        assert process.exitcode == -9, moment
    finish(train, folder, data, 0)
    assert not resume.exists()
    assert curve(folder) == curve(undisturbed)
    expected = weights(undisturbed)
    assert all(torch.equal(value, expected[name]) for name, value in weights(folder).items())


def test_a_second_trainer_takes_over_within_seconds_when_the_first_is_killed(tmp_path, data):
    folder = tmp_path / "seed0"
    first = start(train, folder, data, 0)
    while not (folder / "resume" / "journal.txt").exists():
        assert first.is_alive()
    second = start(train, folder, data, 0)
    second.join(1.0)
    assert second.is_alive()
    first.kill()
    second.join(60)
    assert second.exitcode == 0
    assert (folder / "checkpoint.pt").exists()
    assert not (folder / "resume").exists()
