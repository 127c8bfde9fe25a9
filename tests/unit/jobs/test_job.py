"""A training that is stopped, killed or fails, asked again."""

import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from acnet import provenance
from acnet.errors import AcnetError, Interrupted, TryAgain
from acnet.files import read_json
from acnet.jobs.results import FILES, forget
from acnet.train import batches, history
from acnet.train.batches import training_samples
from acnet.train.step import TrainingStep
from tests.tiny import STEPS, prepare, tiny_run, write_params


@pytest.fixture
def again(tiny, stopped):
    """A copy of `stopped`."""
    shutil.copytree(stopped.folder(), tiny.folder())
    return tiny


def same(run, undisturbed) -> bool:
    files = [made.folder() / "checkpoint.pt" for made in (run, undisturbed)]
    return filecmp.cmp(*files, shallow=False) and run.history() == undisturbed.history()


def states(run) -> list[int]:
    return sorted(int(file.name.split("-")[1]) for file in run.resume().glob("state-*.pt"))


def test_training_twice_in_other_folders_and_processes_gives_equal_bytes_and_another_seed_others(tiny, undisturbed):
    file = write_params(tiny.folder(), tiny_run())
    command = [sys.executable, "-m", "acnet", f"--data-root={tiny.data}", "train", f"--params={file}"]
    subprocess.run(command, check=True, capture_output=True)
    assert same(tiny, undisturbed)
    assert not tiny.resume().exists()
    tiny.train("other", seed=1)
    assert tiny.history("other") != undisturbed.history()


def test_parameters_that_the_network_does_not_use_keep_the_state_and_the_result(tiny, at_step):
    tiny.train("undisturbed", auxiliary=False)
    at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        tiny.train(auxiliary=False)
    unused = {"auxiliary": False, "auxiliary_weight": 0.1, "ohem_keep": 0.9, "save_minutes": 1.0}
    tiny.train(**unused)
    assert "resuming at step 5" in " ".join(read_json(tiny.folder() / "provenance.json")["journal"])
    assert tiny.history() == tiny.history("undisturbed")
    made = (tiny.folder() / "checkpoint.pt").stat().st_mtime_ns
    tiny.train(**{**unused, "auxiliary_channels": 99})
    assert (tiny.folder() / "checkpoint.pt").stat().st_mtime_ns == made  # finished already


def test_what_was_measured_of_a_former_network_goes_when_another_one_is_trained(tiny):
    tiny.train()
    measured = [tiny.folder() / name for name in ("metrics/single.json", "gates.json", "examples.npz", "restored")]
    for file in measured:
        file.parent.mkdir(exist_ok=True)
        file.touch()
    tiny.train()
    assert all(file.exists() for file in measured)  # finished already
    tiny.train(epochs=2)
    assert not any(file.exists() for file in measured)


def test_results_that_snakemake_removed_are_put_back_until_they_are_used(tiny, undisturbed, capfd, monkeypatch):
    outputs = [tiny.folder() / name for name in ("checkpoint.pt", "history.csv", "provenance.json")]

    def trained_again() -> bool:
        for file in outputs:
            file.unlink()
        tiny.train()
        assert same(tiny, undisturbed)
        return "finished already" not in capfd.readouterr().err

    tiny.train()
    before = [file.read_bytes() for file in outputs]
    assert not trained_again() and not trained_again()
    assert [file.read_bytes() for file in outputs] == before
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "source_hash", lambda: "other")
        assert trained_again()
    assert trained_again() and not trained_again()
    forget(tiny.folder())
    assert trained_again()
    outputs = outputs[:1]
    assert trained_again()  # a user who removes the checkpoint alone wants another


def test_results_that_were_removed_before_they_were_kept_cost_the_steps_since_the_last_state(
    again, undisturbed, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("acnet.jobs.job.keep", lambda folder: [(folder / name).unlink() for name in FILES])
        again.train()
    assert not (again.folder() / "checkpoint.pt").exists()
    again.train()
    journal = read_json(again.folder() / "provenance.json")["journal"]
    assert len([note for note in journal if "resuming at step" in note]) == 2
    assert same(again, undisturbed) and not again.resume().exists()


def test_a_stopped_training_starts_anew_on_other_data(again, undisturbed):
    again.data.unlink()
    prepare(again.data, largest=5)
    again.train()
    journal = " ".join(read_json(again.folder() / "provenance.json")["journal"])
    assert "the training images, labels or initial weights have changed" in journal
    assert journal.count("starting from the beginning") == 2
    assert not same(again, undisturbed)
    facts = [read_json(run.folder() / "provenance.json") for run in (again, undisturbed)]
    assert facts[0]["inputs_digest"] != facts[1]["inputs_digest"]


def test_a_training_resumed_with_other_code_is_not_of_the_last_code_alone(tiny, undisturbed, at_step, monkeypatch):
    at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(provenance, "source_hash", lambda: "edited")
        patch.setattr(provenance, "commit", lambda: ("abc", True))
        patch.setattr(provenance, "changes", lambda: b"caf\xe9\r\n")
        tiny.train()
    monkeypatch.setattr(provenance, "commit", lambda: ("abc", False))
    monkeypatch.setattr(provenance, "changes", lambda: b"")
    tiny.train()
    assert same(tiny, undisturbed)
    made = read_json(tiny.folder() / "provenance.json")
    assert (made["source_hash"], made["dirty"]) == ("edited", True)
    assert "resuming with other code" in " ".join(made["journal"])
    assert (tiny.folder() / "changes.patch").read_bytes() == b"caf\xe9\r\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_is_answered_after_the_step_at_hand_with_a_saved_state(tiny, at_step, number):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored if the tests run under nohup
    at_step(1, lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match=f"at step 1 of {STEPS}") as stopped:
        tiny.train()
    assert stopped.value.signal == number
    assert states(tiny) == [1]
    assert not (tiny.folder() / "checkpoint.pt").exists()


def test_under_nohup_the_end_of_the_terminal_stops_nothing(tiny, undisturbed, at_step):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        at_step(1, lambda: os.kill(os.getpid(), signal.SIGHUP))
        tiny.train()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)
    assert same(tiny, undisturbed)


def test_after_a_signal_the_rest_is_bit_identical_to_an_undisturbed_run(tiny, undisturbed, at_step):
    at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        tiny.train()
    tiny.train()
    assert same(tiny, undisturbed)


def test_so_it_is_in_float16_whose_scaler_skips_the_first_steps(tiny, at_step):
    tiny.train("undisturbed", precision="float16")
    losses = [float(line.split(",")[2]) for line in tiny.history("undisturbed")[1:]]
    assert losses[-1] < losses[0]
    at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        tiny.train(precision="float16")
    tiny.train(precision="float16")
    assert tiny.history() == tiny.history("undisturbed")
    expected = tiny.weights("undisturbed")
    assert all(torch.equal(value, expected[name]) for name, value in tiny.weights().items())


def test_before_its_time_limit_it_saves_and_asks_to_be_called_again(tiny, undisturbed, monkeypatch):
    with pytest.raises(TryAgain, match="before its time limit at step 0"):
        tiny.train(minutes=0.0)
    monkeypatch.setenv("ACNET_TIME_LIMIT", "0")
    with pytest.raises(TryAgain):
        tiny.train()
    monkeypatch.delenv("ACNET_TIME_LIMIT")
    tiny.train(minutes=100)
    assert same(tiny, undisturbed)


@pytest.mark.parametrize("harm", ["cut", "flip", "foreign"])
def test_a_damaged_newest_state_is_set_aside_and_the_former_one_used(again, capfd, harm):
    newest = max(again.resume().glob("state-*.pt"))
    data = bytearray(newest.read_bytes())
    if harm == "cut":
        newest.write_bytes(data[: len(data) // 2])
    elif harm == "flip":
        data[len(data) // 2] ^= 1
        newest.write_bytes(data)
    else:
        newest.write_bytes(b"something else altogether")
    with pytest.raises(TryAgain):
        again.train(minutes=0.0, save_minutes=0.0)
    said = capfd.readouterr().err
    assert f"{newest.name} is damaged; set aside" in said
    assert "resuming at step 5" in said


def test_with_every_state_damaged_training_starts_anew(again, undisturbed, capfd):
    for file in again.resume().glob("state-*.pt"):
        file.write_bytes(b"")
    again.train(save_minutes=0.0)
    assert "starting from the beginning" in capfd.readouterr().err
    assert all(torch.equal(value, undisturbed.weights()[name]) for name, value in again.weights().items())


def test_changed_parameters_set_the_old_state_aside_and_start_anew(again, capfd):
    with pytest.raises(TryAgain):
        again.train(minutes=0.0, learning_rate=0.01)
    said = capfd.readouterr().err
    assert "the parameters have changed" in said
    assert "starting from the beginning" in said
    assert len(list(again.resume().glob("*.aside"))) == 2
    assert states(again) == [0]


def test_a_loss_that_is_not_finite_stops_with_step_learning_rate_and_images(tiny, monkeypatch):
    call = TrainingStep.__call__

    def broken(self, images, labels, seed):
        losses = call(self, images, labels, seed)
        return losses * float("nan") if seed % 1_000_003 == 3 else losses

    monkeypatch.setattr(TrainingStep, "__call__", broken)
    samples = training_samples(tiny_run(), tiny.data / "mini_camvid")
    names = ", ".join(samples[number][2] for number in (6, 7))
    with pytest.raises(AcnetError, match=rf"not finite at step 3 with learning rate 0\.0347.*: {names}$"):
        tiny.train()


def test_no_state_with_a_loss_that_is_not_finite_is_ever_saved(tiny, monkeypatch):
    call = TrainingStep.__call__
    monkeypatch.setattr(TrainingStep, "__call__", lambda self, *batch, seed: call(self, *batch, seed) * float("inf"))
    monkeypatch.setattr(history, "POINTS", 1)
    with pytest.raises(AcnetError, match="not finite at step 0"):
        tiny.train(save_minutes=0.0)
    assert states(tiny) == [0]  # saved before the first step


def test_out_of_memory_names_batch_crop_and_precision_and_what_to_lower(tiny, monkeypatch):
    def full(self, *_, seed):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(TrainingStep, "__call__", full)
    with pytest.raises(
        AcnetError, match=r"batch 2, accumulate 1, crop 32x32, float32; increase train.accumulate .*bfloat16"
    ):
        tiny.train()


def test_data_that_vanish_are_named_and_training_goes_on_once_they_are_back(again, prepared, capfd):
    again.data.unlink()
    with pytest.raises(AcnetError, match=r"manifest.json: not found; prepare the dataset"):
        again.train(save_minutes=0.0)
    again.data.symlink_to(prepared)
    with pytest.raises(TryAgain):
        again.train(minutes=0.0, save_minutes=0.0)
    assert "resuming at step 6" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda file: file.unlink(), r"train.labels.bin: not found; delete .*manifest.json and `acnet data prepare"),
        (lambda file: os.truncate(file, 5000), r"train.labels.bin: was \d+ bytes and is 5000 now, while it was read"),
    ],
)
def test_a_file_that_vanishes_or_is_cut_while_training_is_named_and_the_state_is_kept(
    again, prepared, undisturbed, at_step, monkeypatch, harm, message
):
    again.data.unlink()
    shutil.copytree(prepared, again.data)
    file = again.data / "mini_camvid" / "train.labels.bin"
    at_step(7, lambda: harm(file))
    kept = states(again)
    with monkeypatch.context() as patch, pytest.raises(AcnetError, match=message):
        patch.setattr(batches, "_AHEAD", 1)
        again.train(save_minutes=0.0)
    assert max(states(again)) >= max(kept)
    shutil.copy(prepared / "mini_camvid" / "train.labels.bin", file)
    again.train(save_minutes=0.0)
    expected = undisturbed.weights()
    assert all(torch.equal(value, expected[name]) for name, value in again.weights().items())


def test_progress_and_journal_tell_where_a_training_stands(again):
    facts = json.loads((again.resume() / "progress.json").read_text())
    assert facts["steps"] == STEPS
    journal = (again.resume() / "journal.txt").read_text().splitlines()
    assert "starting from the beginning" in journal[0]
    assert f"stopped by a signal at step 6 of {STEPS}" in journal[1]
    again.train(save_minutes=0.0)
    told = json.loads((again.folder() / "provenance.json").read_text())["journal"]
    assert told[:2] == journal
    assert "resuming at step 6" in told[2]
