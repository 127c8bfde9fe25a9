"""What a training tells of itself: its losses, its curve, its facts."""

import csv
import json
import os
import signal
from types import SimpleNamespace

import pytest
import torch

from acnet.errors import Interrupted
from acnet.jobs.status_files import read_progress, write_progress
from acnet.model import build_network
from acnet.progress import Progress
from acnet.train import history
from acnet.train.step import PARTS, TrainingStep
from tests.tiny import STEPS, tiny_run


@pytest.fixture
def halves():
    """Images (4, 3, 32, 32) and labels of which the first half is mostly ignored and has three classes only."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 11, (4, 32, 32), generator=generator)
    labels[:2] %= 3
    labels[:2, 4:] = 255
    return torch.randn(4, 3, 32, 32, generator=generator), labels


def losses(images, labels, **changes) -> dict[str, float]:
    """What the first step of the tiny network says of a batch."""
    run = tiny_run(batch=len(images), dropout=0.0, learning_rate=0.0, **changes)
    torch.manual_seed(0)
    step = TrainingStep(build_network(run.model, run.classes), run.train, torch.device("cpu"))
    return dict(zip(PARTS, step(images, labels, 0).tolist(), strict=True))


@pytest.mark.parametrize("ohem", [False, True])
def test_the_losses_of_a_step_in_pieces_are_those_of_the_whole_batch(halves, ohem):
    images, labels = halves
    settings = {"ohem": ohem, "ohem_keep": 0.3}
    whole = losses(images, labels, accumulate=2, **settings)
    first, second = (losses(images[half], labels[half], **settings) for half in (slice(2), slice(2, 4)))
    assert first["main"] != pytest.approx(second["main"], rel=0.01)
    # Each piece has its share of the pixels that are not ignored; with OHEM its mean counts as one of two.
    share = (labels[:2] != 255).sum().item() / (labels != 255).sum().item()
    main = 0.5 if ohem else share
    assert whole["main"] == pytest.approx(main * first["main"] + (1 - main) * second["main"], rel=1e-5)
    expected = share * first["auxiliary"] + (1 - share) * second["auxiliary"]
    assert whole["auxiliary"] == pytest.approx(expected, rel=1e-5)
    assert whole["total"] == pytest.approx(whole["main"] + 0.4 * whole["auxiliary"], rel=1e-5)
    if ohem:
        assert first["kept"] != second["kept"]
        assert whole["kept"] == pytest.approx((first["kept"] + second["kept"]) / 2, rel=1e-5)


@pytest.fixture
def told(tiny, monkeypatch):
    """The losses (4,) that every step of the trainings to come told, on a clock of which each step takes a second."""
    steps, clock, call = [], SimpleNamespace(now=1000.0), TrainingStep.__call__

    def heard(self, *batch, seed):
        steps.append(call(self, *batch, seed))
        clock.now += 1
        return steps[-1]

    monkeypatch.setattr(TrainingStep, "__call__", heard)
    monkeypatch.setattr(history, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(history, "POINTS", 4)  # of 9 steps: a point every two, and one at the end
    return steps


def rows(run) -> list[dict[str, float | None]]:
    with open(run.folder() / "history.csv", newline="") as handle:
        return [{key: float(value) if value else None for key, value in row.items()} for row in csv.DictReader(handle)]


@pytest.mark.parametrize("settings", [{}, {"ohem": True}, {"auxiliary": False}])
def test_a_point_of_the_curve_holds_the_mean_losses_of_its_steps_and_the_last_ones_rate(tiny, told, settings):
    tiny.train(**settings)
    found = rows(tiny)
    assert [row["step"] for row in found] == [2, 4, 6, 8, 9]
    assert [row["epoch"] for row in found] == pytest.approx([2 / 3, 4 / 3, 2, 8 / 3, 3])
    assert [row["seconds"] for row in found] == [2, 4, 6, 8, 9]
    assert [row["learning_rate"] for row in found] == pytest.approx(
        [0.05 * (1 - (step - 1) / STEPS) ** 0.9 for step in (2, 4, 6, 8, 9)]
    )
    for row, steps in zip(found, (told[:2], told[2:4], told[4:6], told[6:8], told[8:]), strict=True):
        means = torch.stack(steps).mean(dim=0).tolist()
        told_of_it = [row[name] for name in ("loss", "main_loss", "auxiliary_loss", "kept")]
        expected = [None if mean != mean else pytest.approx(mean, rel=1e-5) for mean in means]
        assert told_of_it == expected
        assert (row["kept"] is not None) == ("ohem" in settings)
        assert (row["auxiliary_loss"] is None) == ("auxiliary" in settings)


def test_a_point_of_the_curve_holds_alpha_and_beta_after_its_last_step(tiny, told):
    tiny.train()
    final = json.loads((tiny.folder() / "provenance.json").read_text())["context_scalars"]["final"]
    found = rows(tiny)
    assert len(final) > 1 and {name: found[-1][name] for name in final} == pytest.approx(final)
    assert all(len({row[name] for row in found}) == len(found) for name in final)  # they move at every step


def test_the_seconds_of_a_training_are_those_of_all_its_pieces(tiny, told, at_step, monkeypatch):
    at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr("acnet.train.train.now", lambda: "2999-01-01T00:00:00+00:00")
    with pytest.raises(Interrupted):
        tiny.train()
    tiny.train()
    assert [row["seconds"] for row in rows(tiny)] == [2, 4, 6, 8, 9]
    said = json.loads((tiny.folder() / "provenance.json").read_text())
    assert (said["seconds"], said["finished"]) == (9.0, "2999-01-01T00:00:00+00:00")
    assert said["started"] < said["finished"]


def test_the_provenance_says_the_factors_before_the_first_and_after_the_last_step(tiny):
    tiny.train()
    said = json.loads((tiny.folder() / "provenance.json").read_text())
    weights = {name: value for name, value in tiny.weights().items() if name.endswith(("alpha", "beta"))}
    assert set(said["context_scalars"]["initial"].values()) == {1.0}
    assert sorted(said["context_scalars"]["final"].values()) == pytest.approx(
        sorted(v.item() for v in weights.values())
    )
    assert 1.0 not in said["context_scalars"]["final"].values()


def test_the_time_left_is_that_of_the_steps_left_at_the_speed_since_the_start(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("acnet.progress.time", SimpleNamespace(monotonic=lambda: clock.now))
    progress = Progress("tiny", 300, "steps", start=100)
    clock.now = 20.0
    progress.advance(40)
    write_progress(tmp_path / "resume", progress, 0.5, 0.01)
    assert read_progress(tmp_path / "resume") == {
        "step": 140, "steps": 300, "loss": 0.5, "learning_rate": 0.01, "steps_per_second": 2.0, "seconds_left": 80.0,
    }  # fmt: skip
