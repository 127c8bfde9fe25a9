"""A network passed through torch.compile, stopped and asked again."""

import functools
import os
import signal

import pytest
import torch

from acnet.errors import Interrupted
from acnet.train import loop
from tests.tiny import prepare, tiny_run


def test_a_compiled_training_resumes_bit_identically(tmp_path, monkeypatch):
    prepare(tmp_path / "data")
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))  # tracing alone

    def train(name: str) -> None:
        loop.train_run(tiny_run(compile=True), tmp_path / "results" / name / "seed0", tmp_path / "data")

    def left(name: str) -> tuple[dict[str, torch.Tensor], list[str]]:
        folder = tmp_path / "results" / name / "seed0"
        lines = [line.rpartition(",")[0] for line in (folder / "history.csv").read_text().splitlines()]
        return torch.load(folder / "checkpoint.pt", weights_only=True)["network"], lines

    train("undisturbed")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "poly", _signal_at(5, loop.poly))
        with pytest.raises(Interrupted):
            train("stopped")
    train("stopped")
    (weights, history), (expected, undisturbed) = left("stopped"), left("undisturbed")
    assert history == undisturbed
    assert all(torch.equal(value, expected[name]) for name, value in weights.items())


def _signal_at(number: int, poly):
    """The schedule `poly`, which sends this process SIGTERM at a step."""

    def sending(base, step, *others):
        if step == number:
            os.kill(os.getpid(), signal.SIGTERM)
        return poly(base, step, *others)

    return sending
