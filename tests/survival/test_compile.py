"""A network passed through torch.compile, stopped and asked again."""

import functools
import os
import signal

import pytest
import torch

from acnet.errors import Interrupted
from acnet.train.train import train_run
from tests.tiny import act_at_step, curve, prepare, tiny_run, weights


def test_a_compiled_training_resumes_bit_identically(tmp_path, monkeypatch):
    prepare(tmp_path / "data")
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))  # tracing alone

    def train(name: str) -> None:
        train_run(tiny_run(compile=True, gate="shuffled"), tmp_path / "results" / name / "seed0", tmp_path / "data")

    train("undisturbed")
    with monkeypatch.context() as patch:
        act_at_step(patch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Interrupted):
            train("stopped")
    train("stopped")
    stopped, undisturbed = (tmp_path / "results" / name / "seed0" for name in ("stopped", "undisturbed"))
    assert curve(stopped) == curve(undisturbed)
    expected = weights(undisturbed)
    assert all(torch.equal(value, expected[name]) for name, value in weights(stopped).items())
