"""Killed with -9, at random and at chosen moments; asked again, every run ends as if undisturbed."""

import random

import pytest
import torch

from tests.survival.children import MOMENTS, kill_at_random, start, train
from tests.tiny import curve, prepare, weights

RANDOM = 4  # for each run
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare(folder)
    return folder


def finish(target, *arguments) -> None:
    process = start(target, *arguments)
    process.join()
    assert process.exitcode == 0


def test_every_run_ends_bit_identical_to_undisturbed_ones_by_being_asked_again(tmp_path, data):
    chance = random.Random(20)
    hits = dict.fromkeys(("at random", *MOMENTS), 0)
    for seed in SEEDS:
        undisturbed, folder = tmp_path / "undisturbed" / f"seed{seed}", tmp_path / "killed" / f"seed{seed}"
        finish(train, undisturbed, data, seed)
        resume = folder / "resume"
        for _ in range(RANDOM):
            process = start(train, folder, data, seed)
            hits["at random"] += kill_at_random(process, resume, chance)
            assert not (folder / "checkpoint.pt").exists()
        # The last moments are at the end of a training.
        for moment in MOMENTS if seed == 0 else list(MOMENTS)[seed::2]:
            process = start(train, folder, data, seed, moment)
            process.join()
            assert process.exitcode == -9, moment
            hits[moment] += 1
        finish(train, folder, data, seed)
        assert not resume.exists()
        assert curve(folder) == curve(undisturbed)
        expected = weights(undisturbed)
        assert all(torch.equal(value, expected[name]) for name, value in weights(folder).items())
    assert hits["at random"] == RANDOM * len(SEEDS)
    assert all(hits.values()), hits


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
