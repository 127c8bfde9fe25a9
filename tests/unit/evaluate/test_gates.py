import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from acnet.errors import AcnetError
from acnet.evaluate.edges_and_segments import edge_distances
from acnet.evaluate.gates import measure_gates
from acnet.evaluate.inference import Predictor
from acnet.files import read_json
from acnet.params.measures import Measures
from acnet.params.protocols import Protocol
from tests.tiny import changed

SINGLE = Protocol(name="single", scales=[1.0])
MEASURES = Measures(
    bands=[1], contour=0.02, small=0.1, large=0.4, gate_distances=[1, 3], resamples=200, level=0.95, seed=0
)


def scene():
    """Class 0 on the left, 1 on the right, a small square of class 2, and a ignored row."""
    label = np.zeros((32, 48), np.uint8)
    label[:, 28:] = 1
    label[10:16, 10:16] = 2
    label[0] = 255
    return label


@pytest.fixture
def measured(run, tmp_path, monkeypatch):
    """A function from gates by image index to the file's first block."""
    run.prepare([scene(), scene()[:, ::-1]])
    monkeypatch.setattr(Predictor, "gates", lambda self, image, protocol, name: [made(int(name[-1]))] * 3)

    def measure(gate):
        nonlocal made
        made = gate
        measure_gates(run.config, run.checkpoint, SINGLE, MEASURES, run.data, tmp_path / "gates.json")
        return read_json(tmp_path / "gates.json")["blocks"]

    made = None
    return measure


def test_means_are_those_of_the_labelled_pixels_of_each_group(measured):
    maps = [np.random.default_rng(i).random((32, 48)).astype(np.float32) for i in (0, 1)]
    block = measured(lambda index: maps[index])[0]
    labels = [scene(), scene()[:, ::-1]]
    for number, name in enumerate(("Sky", "Building", "Pole")):
        expected = np.concatenate([m[label == number] for m, label in zip(maps, labels, strict=True)])
        assert block["classes"][name]["mean"] == pytest.approx(expected.mean(), rel=1e-6)
        assert block["classes"][name]["pixels"] == expected.size
    assert block["classes"]["Road"] == {"mean": None, "shuffled": None, "pixels": 0}
    small = np.concatenate([m[label == 2] for m, label in zip(maps, labels, strict=True)]).mean()
    assert block["segments"]["small"]["mean"] == pytest.approx(small, rel=1e-6)
    known = sum(int((label != 255).sum()) for label in labels)
    for part in ("segments", "distances"):
        assert sum(group["pixels"] for group in block[part].values()) == known
    assert (block["smallest"], block["largest"]) == (min(m.min() for m in maps), max(m.max() for m in maps))
    assert block["smallest_maximum"] == min(m.max() for m in maps)
    everything = np.concatenate([m[label != 255] for m, label in zip(maps, labels, strict=True)])
    assert block["mean"] == pytest.approx(everything.mean(), rel=1e-6)
    assert [(block["block"], block["stride"]) for block in measured(lambda index: maps[index])] == [
        (1, 16),
        (2, 8),
        (3, 4),
    ]


def test_far_and_near_are_what_their_names_say(measured, monkeypatch):
    distances = dataclasses.replace(MEASURES, gate_distances=[1, 2, 4])
    monkeypatch.setitem(globals(), "MEASURES", distances)
    gate = np.random.default_rng(0).random((32, 48)).astype(np.float32)
    block = measured(lambda index: gate)[0]
    labels = [scene(), scene()[:, ::-1]]
    ring, known = np.array([edge_distances(label, [1, 2, 4]) for label in labels]), np.array(labels) != 255
    maps = np.array([gate] * 2)
    assert (block["far"], block["near"]) == ("beyond 2", "to 1")
    expected = maps[known & (ring >= 2)].mean() - maps[known & (ring == 0)].mean()
    assert block["contrasts"]["far_minus_near"]["gate"] == pytest.approx(expected, abs=1e-6)


def test_a_gate_that_closes_on_the_small_object_shows_in_the_contrast_and_a_shuffled_one_does_not(measured):
    def gate(index):
        label = scene() if index == 0 else scene()[:, ::-1]
        return np.where(label == 2, 0.2, 0.9).astype(np.float32)

    found = measured(gate)[0]["contrasts"]["large_minus_small"]
    assert found["gate"] == pytest.approx(0.7, abs=1e-6)
    assert abs(found["shuffled"]) < 0.1
    assert 0.6 < found["interval"][0] <= found["interval"][1] < 0.8


def test_an_even_gate_has_no_contrast(measured):
    for contrast in measured(lambda index: np.full((2, 3), 0.5, np.float32))[0]["contrasts"].values():
        assert contrast["gate"] == pytest.approx(0, abs=1e-9) and contrast["interval"] == pytest.approx([0, 0])


def test_it_is_repeatable_and_tells_the_learned_factors(run, tmp_path):
    network = run.network()
    nn.init.constant_(network.blocks[1].global_context.alpha, 0.25)
    run.save(network)
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        measure_gates(run.config, run.checkpoint, SINGLE, MEASURES, run.data, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    blocks = read_json(files[0])["blocks"]
    assert [block["alpha"] for block in blocks] == [1.0, 0.25, 1.0]
    assert [block["beta"] for block in blocks] == [1.0, 1.0, None]
    assert all(0 < block["mean"] <= 1 for block in blocks)


def test_a_gate_of_the_third_block_alone_is_said_to_be_at_its_stride(run, tmp_path):
    run.config = changed(run.config, local_context="lc", global_blocks=[3])
    run.save(run.network())
    measure_gates(run.config, run.checkpoint, SINGLE, MEASURES, run.data, tmp_path / "gates.json")
    assert [(block["block"], block["stride"]) for block in read_json(tmp_path / "gates.json")["blocks"]] == [(3, 4)]


def test_a_network_without_gates_is_refused(run, tmp_path):
    run.config = changed(run.config, global_context="none", local_context="none", blocks=1)
    torch.manual_seed(0)
    run.save(run.network())
    with pytest.raises(AcnetError, match="run acb3 has no gated module"):
        measure_gates(run.config, run.checkpoint, SINGLE, MEASURES, run.data, tmp_path / "gates.json")
    assert not (tmp_path / "gates.json").exists()
