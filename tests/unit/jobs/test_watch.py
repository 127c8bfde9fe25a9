"""Watching a training: the validation curve, and event files as TensorBoard reads them. The weights stay the same."""

import csv
import filecmp
import os
import signal
import sys

import numpy as np
import pytest
import torch

from acnet.data.store import Store
from acnet.data.transforms import normalise
from acnet.errors import AcnetError, Interrupted
from acnet.files import read_json, write_json
from acnet.model import build_network
from tests.tiny import TINY, tiny_run, write_split

WATCHED = {"validate_every": 1, "tensorboard": True}


@pytest.fixture(scope="session")
def with_val(prepared, tmp_path_factory):
    """The tiny dataset with a val split of three images beside."""
    folder = tmp_path_factory.mktemp("with_val") / TINY.dataset
    folder.mkdir()
    for file in (prepared / TINY.dataset).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    before = read_json(folder / "manifest.json")["splits"]
    rng = np.random.default_rng(3)
    sizes = [(32, 48), (40, 40), (37, 61)]
    images = [rng.integers(0, 255, (*size, 3), np.uint8) for size in sizes]
    labels = [rng.choice(np.array([0, 1, 2, 255], np.uint8), size) for size in sizes]
    write_split(folder, "val", images, labels)
    write_json(folder / "manifest.json", {"splits": {**before, **read_json(folder / "manifest.json")["splits"]}})
    return folder.parent


@pytest.fixture
def watched(tiny, with_val):
    """A tiny run whose dataset has a val split."""
    (tiny.root / "data").unlink()
    (tiny.root / "data").symlink_to(with_val)
    return tiny


def curve(run):
    with open(run.folder() / "validation.csv") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def events(run):
    found = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    reader = found.EventAccumulator(str(run.folder() / "events"), size_guidance={"images": 0})
    return reader.Reload()


def test_watching_leaves_every_byte_of_the_checkpoint_as_it_is(watched, undisturbed):
    pytest.importorskip("tensorboard", reason="pip install '.[watch]'")
    watched.train(**WATCHED)
    files = [run.folder() / "checkpoint.pt" for run in (watched, undisturbed)]
    assert filecmp.cmp(*files, shallow=False) and watched.history() == undisturbed.history()
    assert not (undisturbed.folder() / "validation.csv").exists() and not (undisturbed.folder() / "events").exists()


def test_the_last_point_of_the_validation_is_that_of_the_checkpoint_on_val(watched):
    watched.train(validate_every=2)
    rows = curve(watched)
    assert [(row["step"], row["epoch"]) for row in rows] == [(6, 2), (9, 3)]  # and the last, though 3 is odd
    network = build_network(TINY.model, TINY.classes).eval()
    network.load_state_dict(watched.weights())
    store = Store(watched.data / TINY.dataset, "val")
    logits, labels = [], []
    with torch.no_grad():
        for index in range(3):
            label = store.label(index)
            known = torch.from_numpy(label != 255)
            logits.append(network(normalise(store.image(index))[None])["logits"][0][:, known].T)
            labels.append(torch.from_numpy(label[label != 255].astype(np.int64)))
    logits, labels = torch.cat(logits), torch.cat(labels)
    assert rows[-1]["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-4)
    assert rows[-1]["pixacc"] == pytest.approx((logits.argmax(1) == labels).double().mean().item(), abs=1e-3)


def test_tensorboard_reads_the_curve_the_factors_and_the_predictions(watched, monkeypatch):
    pytest.importorskip("tensorboard", reason="pip install '.[watch]'")
    monkeypatch.setattr("acnet.jobs.watch._HEIGHT", 16)
    watched.train(**WATCHED)
    read = events(watched)
    with open(watched.folder() / "history.csv") as file:
        history = list(csv.DictReader(file))
    for name, tag in (("main_loss", "main_loss"), ("learning_rate", "learning_rate")):
        found = [(event.step, event.value) for event in read.Scalars(f"train/{tag}")]
        assert found == [(int(row["step"]), pytest.approx(float(row[name]), rel=1e-6)) for row in history]
    assert {f"train/blocks.0.{module}" for module in ("global_context.alpha", "local_context.beta")} <= set(
        read.Tags()["scalars"]
    )
    found = [(event.step, event.value) for event in read.Scalars("validation/miou")]
    assert found == [(row["step"], pytest.approx(row["miou"], rel=1e-6)) for row in curve(watched)]
    assert sorted(read.Tags()["images"]) == [f"prediction/street_{i}" for i in range(3)]
    shown = read.Images("prediction/street_0")
    assert [image.step for image in shown] == [3, 6, 9]
    assert (shown[0].height, shown[0].width) == (16, 4 * 24)  # image, label, prediction, one gate; of 32 x 48


def test_a_training_that_resumes_has_each_point_once(watched, at_step):
    pytest.importorskip("tensorboard", reason="pip install '.[watch]'")
    watched.train("other", validate_every=1)
    at_step(7, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        watched.train(**WATCHED)
    watched.train(**WATCHED)
    other = (watched.folder("other") / "validation.csv").read_bytes()
    assert (watched.folder() / "validation.csv").read_bytes() == other
    assert [event.step for event in events(watched).Scalars("validation/loss")] == [3, 6, 9]
    assert [event.step for event in events(watched).Scalars("train/loss")] == list(range(1, 10))


def test_a_run_that_learns_from_val_is_not_validated(watched):
    watched.train(validate_every=1, train_splits=["train", "val"], epochs=1)
    assert not (watched.folder() / "validation.csv").exists()


def test_without_tensorboard_the_remedy_is_named(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(
        AcnetError, match=r"tensorboard: not installed; in the project's folder, pip install '.\[watch\]' installs it"
    ):
        tiny.train(tensorboard=True)


def test_how_a_run_is_watched_does_not_make_it_another_run():
    assert tiny_run(**WATCHED).digest() == tiny_run().digest()
