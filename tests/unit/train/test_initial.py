"""Where the first weights come from."""

import dataclasses

import pytest
import torch

from acnet.errors import AcnetError
from acnet.files import sha256
from acnet.model import build_network
from acnet.params.run import InitialWeights
from acnet.train.initial import load_initial
from tests.tiny import tiny_run


def network(**changes):
    run = tiny_run(**changes)
    return build_network(run.model, run.classes)


@pytest.fixture
def init(tmp_path):
    """Weights of a backbone in a file, with a classifier as ImageNet's have."""
    torch.manual_seed(7)
    state = {**network().backbone.state_dict(), "fc.weight": torch.zeros(1000, 32), "fc.bias": torch.zeros(1000)}
    file = tmp_path / "backbone.pth"
    torch.save(state, file)
    return InitialWeights(kind="file", file=str(file), sha256=sha256(file)[:8], name="made up")


def test_real_imagenet_weights_fill_the_whole_backbone(shared, tmp_path):
    file = shared("weights") / "resnet18-imagenet.pth.xz"
    made = network(base_width=64)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    load_initial(made, InitialWeights(kind="file", file=str(file), sha256=sha256(file), name=""), tmp_path, "seed0")
    after = made.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    convolutions = {name for name in after if name.startswith("backbone.") and after[name].ndim == 4}
    assert convolutions <= changed
    assert not [name for name in changed if not name.startswith("backbone.")]


def test_a_file_with_another_hash_is_refused(init, tmp_path):
    with pytest.raises(AcnetError, match=r"backbone.pth: its SHA-256 is not 00000000"):
        load_initial(network(), dataclasses.replace(init, sha256="00000000"), tmp_path, "seed0")


def test_a_file_that_is_not_there_says_how_to_get_it(init, tmp_path):
    with pytest.raises(AcnetError, match=r"acnet fetch-weights gone\.pth"):
        load_initial(network(), dataclasses.replace(init, file=str(tmp_path / "gone.pth")), tmp_path, "seed0")


def test_weights_of_another_network_are_refused_by_the_first_tensor_that_differs(init, tmp_path):
    with pytest.raises(AcnetError, match=r"backbone.pth: of another network: .* has shape \(4, .*expected \(8,"):
        load_initial(network(base_width=8), init, tmp_path, "seed0")


def test_fine_tuning_begins_with_the_other_runs_network_of_the_same_seed(undisturbed):
    made = network()
    load_initial(made, InitialWeights(kind="run", run="tiny", name="tiny"), undisturbed.root / "results", "seed0")
    trained = undisturbed.weights()
    assert all(torch.equal(value, trained[name]) for name, value in made.state_dict().items())


def test_fine_tuning_from_a_run_that_is_not_trained_names_its_checkpoint(tmp_path):
    with pytest.raises(AcnetError, match=r"other/seed3/checkpoint.pt: not there"):
        load_initial(network(), InitialWeights(kind="run", run="other", name="other"), tmp_path, "seed3")
