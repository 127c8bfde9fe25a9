"""Training and evaluation on a GPU against the CPU's. Not in one pytest with tests/unit, which hides the GPUs."""

import copy
import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from acnet.device import set_up_device
from acnet.errors import Interrupted
from acnet.evaluate.trained_network import load_predictor
from acnet.model import build_network
from acnet.params.protocols import Protocol
from acnet.train.step import TrainingStep
from acnet.train.train import train_run
from tests.tiny import act_at_step, prepare, tiny_run, write_params

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this process sees no GPU")


@pytest.fixture
def train(tmp_path):
    """A function that trains the tiny run into tmp_path/tiny/seed0 and returns its curve of losses."""
    prepare(tmp_path / "data")

    def run() -> list[float]:
        folder = tmp_path / "tiny/seed0"
        train_run(tiny_run(), folder, tmp_path / "data")
        return losses(folder)

    return run


def losses(folder) -> list[float]:
    return [float(line.split(",")[2]) for line in (folder / "history.csv").read_text().splitlines()[1:]]


@pytest.mark.parametrize("gate", ["distance", "constant", "shuffled"])
def test_the_losses_of_a_step_are_the_cpus_to_rounding(gate):
    run = tiny_run(gate=gate)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(2 * 32 * 32).view(2, 32, 32) % run.classes
    found = []
    for device in (torch.device("cpu"), set_up_device(1)):
        torch.manual_seed(0)
        network = build_network(run.model, run.classes)
        step = TrainingStep(network, run.train, device)
        found.append(step(images, labels, 0).cpu())
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5, equal_nan=True)


def test_a_training_that_was_stopped_resumes_to_the_same_losses(train, tmp_path, monkeypatch):
    expected = train()
    (tmp_path / "tiny/seed0/checkpoint.pt").unlink()
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        act_at_step(patch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        train()
    assert train() == pytest.approx(expected, rel=0.05)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="this process sees no second GPU")
def test_two_processes_take_the_steps_of_one(train, tmp_path):
    expected = train()
    params = write_params(tmp_path / "two/seed0", tiny_run())
    command = [sys.executable, "-m", "acnet", f"--data-root={tmp_path}/data", "train", f"--params={params}"]
    subprocess.run([*command, "--processes=2"], check=True)
    assert losses(tmp_path / "two/seed0") == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_predictions_are_the_cpus_but_for_near_ties(train, tmp_path, precision):
    train()
    image = np.random.default_rng(0).integers(0, 256, (45, 61, 3)).astype(np.uint8)
    protocol = Protocol(name="multi", scales=[0.5, 1.0], flip=True, window=[32, 32], precision=precision)
    gpu = load_predictor(tiny_run(), tmp_path / "tiny/seed0/checkpoint.pt")
    cpu = dataclasses.replace(gpu, network=copy.deepcopy(gpu.network).cpu(), device=torch.device("cpu"))
    maps = [predictor.label_map(image, protocol, "image") for predictor in (cpu, gpu)]
    assert (maps[0] == maps[1]).mean() > 0.98
