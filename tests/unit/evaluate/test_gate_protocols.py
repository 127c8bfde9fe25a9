"""Protocols that change the gates of a trained network."""

import dataclasses

import pytest
import torch

from acnet.evaluate import inference
from acnet.evaluate.inference import Predictor
from acnet.evaluate.trained_network import InferenceNetwork
from acnet.params.protocols import Protocol

TRAINED = Protocol(name="single", scales=[1.0], window=[33, 33], flip=True)
CONSTANT, SHUFFLED = (dataclasses.replace(TRAINED, name=gate, gate=gate) for gate in ("constant", "shuffled"))


@pytest.fixture
def predict(run, photograph):
    """A function from a protocol and an image's name to the scores of one image; every call uses the same network."""
    predictor = Predictor(InferenceNetwork(run.network()), 11, torch.device("cpu"))
    image = photograph(40, 60)
    return lambda protocol, name="a": torch.cat(list(predictor.strips(image, protocol, name)))


def test_each_is_its_own_and_none_stays_in_the_network(predict):
    trained, constant, shuffled = (predict(protocol) for protocol in (TRAINED, CONSTANT, SHUFFLED))
    for one, other in ((trained, constant), (trained, shuffled), (constant, shuffled)):
        assert (one - other).abs().max() > 1e-5
    assert torch.equal(predict(TRAINED), trained)


def test_shuffling_depends_on_the_images_name_and_not_on_what_is_computed_together(predict, monkeypatch):
    together = predict(SHUFFLED)
    assert not torch.equal(predict(SHUFFLED, "b"), together)
    monkeypatch.setattr(inference, "_PIXELS", 1)
    torch.testing.assert_close(predict(SHUFFLED), together, rtol=1e-4, atol=1e-5)


def test_gates_are_shown_as_the_protocol_uses_them(run, photograph):
    predictor, image = Predictor(run.network(), 11, torch.device("cpu")), photograph(40, 60)
    # Those of later blocks also see other features.
    own, even, mixed = (predictor.gates(image, p, "a")[0] for p in (TRAINED, CONSTANT, SHUFFLED))
    assert even.min() == even.max() == pytest.approx(own.mean())
    assert sorted(mixed.ravel()) == sorted(own.ravel())
    assert mixed.tolist() != own.tolist()
