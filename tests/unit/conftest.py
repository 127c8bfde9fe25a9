"""A tiny run to train.

Unit tests compute on the CPU, also where there is a GPU: they compare bytes, and a GPU repeats itself to rounding only.
tests/gpu has what only a GPU can show. The variable also reaches the commands that tests start.
"""

import dataclasses
import os
import signal
from pathlib import Path

import pytest
import torch

from acnet.errors import Interrupted
from acnet.train.train import train_run
from tests.tiny import act_at_step, curve, prepare, tiny_run, weights

os.environ["CUDA_VISIBLE_DEVICES"] = ""


@dataclasses.dataclass
class Tiny:
    """Where a tiny run's data and results lie."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    def folder(self, name: str = "tiny") -> Path:
        return self.root / "results" / name / "seed0"

    def resume(self, name: str = "tiny") -> Path:
        return self.folder(name) / "resume"

    def train(self, name: str = "tiny", minutes: float | None = None, **changes) -> None:
        train_run(tiny_run(**changes), self.folder(name), self.data, minutes)

    def weights(self, name: str = "tiny") -> dict[str, torch.Tensor]:
        return weights(self.folder(name))

    def history(self, name: str = "tiny") -> list[str]:
        """The curve without its clock."""
        return curve(self.folder(name))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The tiny dataset, made once."""
    root = tmp_path_factory.mktemp("tiny")
    prepare(root / "data")
    return root / "data"


@pytest.fixture
def tiny(tmp_path, prepared):
    """A tiny run of its own on the common data."""
    (tmp_path / "data").symlink_to(prepared)
    return Tiny(tmp_path)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, prepared):
    """The tiny run trained from beginning to end."""
    root = tmp_path_factory.mktemp("undisturbed")
    (root / "data").symlink_to(prepared)
    run = Tiny(root)
    run.train()
    return run


@pytest.fixture(scope="session")
def stopped(tmp_path_factory, prepared):
    """A run that was stopped after six steps, each of which had saved its state."""
    root = tmp_path_factory.mktemp("stopped")
    (root / "data").symlink_to(prepared)
    run = Tiny(root)
    with pytest.MonkeyPatch.context() as patch:
        act_at_step(patch, 6, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Interrupted):
            run.train(save_minutes=0.0)
    return run


@pytest.fixture
def at_step(monkeypatch):
    """A function that makes `act` happen once, right after a numbered step of the training to come."""
    return lambda number, act: act_at_step(monkeypatch, number, act)
