"""A training that is stopped, killed or fails, asked again."""

import json
import os
import signal

import pytest
import torch

from acnet.errors import AcnetError, Interrupted, TryAgain
from acnet.train import loop, state
from acnet.train.step import Step
from tests.tiny import STEPS, prepare


@pytest.fixture
def at_step(monkeypatch):
    """A function that makes `act` happen once, right after a numbered step of the training to come."""

    def set_up(number: int, act) -> None:
        add = loop.Position.add
        left = [act]

        def added(self, losses):
            add(self, losses)
            if self.step == number and left:
                left.pop()()

        monkeypatch.setattr(loop.Position, "add", added)

    return set_up


def same(run, undisturbed) -> bool:
    weights, expected = run.weights(), undisturbed.weights()
    equal = all(torch.equal(weights[name], value) for name, value in expected.items())
    return equal and run.history() == undisturbed.history()


def states(run) -> list[int]:
    return sorted(int(file.name.split("-")[1]) for file in run.resume().glob("state-*.pt"))


def test_training_twice_gives_equal_bytes_and_leaves_no_resume_folder(tiny, undisturbed):
    tiny.train()
    assert (tiny.folder() / "checkpoint.pt").read_bytes() == (undisturbed.folder() / "checkpoint.pt").read_bytes()
    assert tiny.history() == undisturbed.history()
    assert not tiny.resume().exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_after_a_signal_the_rest_is_bit_identical_to_an_undisturbed_run(tiny, undisturbed, at_step, number):
    at_step(5, lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match=f"at step 5 of {STEPS}") as stopped:
        tiny.train()
    assert stopped.value.signal == number
    assert states(tiny) == [5]
    assert not (tiny.folder() / "checkpoint.pt").exists()
    tiny.train()
    assert same(tiny, undisturbed)


def test_before_its_time_limit_it_saves_and_asks_to_be_called_again(tiny, undisturbed, monkeypatch):
    with pytest.raises(TryAgain, match="before its time limit at step 0"):
        tiny.train(minutes=0.0)
    monkeypatch.setenv("ACNET_TIME_LIMIT", "0")
    with pytest.raises(TryAgain):
        tiny.train()
    monkeypatch.delenv("ACNET_TIME_LIMIT")
    tiny.train(minutes=100)
    assert same(tiny, undisturbed)


def test_a_time_limit_that_is_no_number_is_named(tiny, monkeypatch):
    monkeypatch.setenv("ACNET_TIME_LIMIT", "2h")
    with pytest.raises(AcnetError, match="ACNET_TIME_LIMIT: '2h'"):
        tiny.train()


def interrupted(tiny, at_step, after: int) -> None:
    at_step(after, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        tiny.train(save_minutes=0.0)


def test_two_generations_are_kept(tiny, at_step):
    interrupted(tiny, at_step, 6)
    assert len(states(tiny)) == state.GENERATIONS == 2
    assert states(tiny)[-1] == 6


@pytest.mark.parametrize("harm", ["cut", "flip", "foreign"])
def test_a_damaged_newest_state_is_set_aside_and_the_former_one_used(tiny, at_step, capfd, harm):
    interrupted(tiny, at_step, 6)
    newest = max(tiny.resume().glob("state-*.pt"))
    data = bytearray(newest.read_bytes())
    if harm == "cut":
        newest.write_bytes(data[: len(data) // 2])
    elif harm == "flip":
        data[len(data) // 2] ^= 1
        newest.write_bytes(data)
    else:
        newest.write_bytes(b"something else altogether")
    tiny.train(save_minutes=0.0)
    said = capfd.readouterr().err
    assert f"{newest.name} is damaged; set aside" in said
    assert "resuming at step 5" in said


def test_with_every_state_damaged_training_starts_anew(tiny, at_step, undisturbed, capfd):
    interrupted(tiny, at_step, 6)
    for file in tiny.resume().glob("state-*.pt"):
        file.write_bytes(b"")
    tiny.train(save_minutes=0.0)
    assert "starting anew" in capfd.readouterr().err
    assert all(torch.equal(value, undisturbed.weights()[name]) for name, value in tiny.weights().items())


def test_changed_parameters_set_the_old_state_aside_and_start_anew(tiny, at_step, capfd):
    interrupted(tiny, at_step, 4)
    with pytest.raises(TryAgain):
        tiny.train(minutes=0.0, learning_rate=0.01)
    said = capfd.readouterr().err
    assert "the parameters have changed" in said
    assert "starting anew" in said
    assert len(list(tiny.resume().glob("*.aside"))) == 2
    assert states(tiny) == [0]


def test_a_loss_that_is_not_finite_stops_with_step_rate_and_images_and_a_retry_says_so(tiny, monkeypatch):
    call = Step.__call__

    def broken(self, images, labels, valid, seed):
        losses = call(self, images, labels, valid, seed)
        return losses * float("nan") if seed % 1_000_003 == 3 else losses

    monkeypatch.setattr(Step, "__call__", broken)
    with pytest.raises(AcnetError, match=r"not finite at step 3 with learning rate 0\.0386.*street_\d, street_\d$"):
        tiny.train()
    monkeypatch.setattr(Step, "__call__", call)
    with pytest.raises(AcnetError, match="failed before, and would again: the loss is not finite at step 3"):
        tiny.train()
    tiny.train(learning_rate=0.01)
    assert (tiny.folder() / "checkpoint.pt").exists()


def test_no_state_with_a_loss_that_is_not_finite_is_ever_saved(tiny, monkeypatch):
    call = Step.__call__
    monkeypatch.setattr(Step, "__call__", lambda self, *how: call(self, *how) * float("inf"))
    monkeypatch.setattr(loop, "_POINTS", 1)
    with pytest.raises(AcnetError, match="not finite at step 0"):
        tiny.train(save_minutes=0.0)
    assert states(tiny) == [0]  # saved before the first step


def test_a_bad_label_is_remembered_until_the_data_are_prepared_again(tmp_path, tiny):
    tiny.data.unlink()
    prepare(tiny.data, largest=40)
    for message in (r"^image street_\d: its label has class \d\d, the run has 11", "failed before, and would again"):
        with pytest.raises(AcnetError, match=message):
            tiny.train()
    prepare(tiny.data)
    tiny.train()


def test_out_of_memory_names_batch_crop_and_precision_and_what_to_lower(tiny, monkeypatch):
    def full(self, *_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(Step, "__call__", full)
    with pytest.raises(AcnetError, match=r"batch 2 in 1 pieces, crop 32x32, float32; set train.accumulate .*bfloat16"):
        tiny.train()
    assert not (tiny.resume() / "failure.json").exists()


def test_data_that_vanish_are_named_and_training_goes_on_once_they_are_back(tiny, at_step, prepared):
    interrupted(tiny, at_step, 4)
    tiny.data.unlink()
    with pytest.raises(AcnetError, match=r"manifest.json: not there; prepare the dataset"):
        tiny.train(save_minutes=0.0)
    tiny.data.symlink_to(prepared)
    tiny.train(save_minutes=0.0)


def test_progress_and_journal_tell_where_a_training_stands(tiny, at_step):
    interrupted(tiny, at_step, 4)
    facts = json.loads((tiny.resume() / "progress.json").read_text())
    assert facts["steps"] == STEPS
    journal = (tiny.resume() / "journal.txt").read_text().splitlines()
    assert "starting anew" in journal[0]
    assert f"stopped by a signal at step 4 of {STEPS}" in journal[1]
    tiny.train(save_minutes=0.0)
    told = json.loads((tiny.folder() / "provenance.json").read_text())["journal"]
    assert told[:2] == journal
    assert "resuming at step 4" in told[2]
