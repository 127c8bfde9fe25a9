"""Where the initial weights come from."""

import argparse
import lzma
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from acnet.errors import AcnetError
from acnet.files import sha256
from acnet.model import build_network
from acnet.params.run import InitialWeights
from acnet.train.initial_weights import load_initial_weights
from tests.tiny import tiny_run


def network(**changes):
    run = tiny_run(**changes)
    return build_network(run.model, run.classes)


def load(file, made=None, kind="file", digest=None):
    """The network `made`, filled from `file` as the scale's own weights."""
    init = InitialWeights(kind=kind, file=str(file), sha256=digest or sha256(file)[:8], name="made up")
    made = made or network()
    load_initial_weights(made, tiny_run(init=init), Path("results/mini/tiny/seed0"))
    return made


def refusal(file, made=None, **changes):
    with pytest.raises(AcnetError) as error:
        load(file, made, **changes)
    message = str(error.value)
    assert message.startswith(f"{file}: ") and "\n" not in message
    assert not re.search("delete|remove|overwrite|broken|corrupt|damaged|checkpoint|train it again", message)
    return message


@pytest.fixture
def weights():
    """Weights of a backbone, with a classifier as ImageNet's have."""
    torch.manual_seed(7)
    backbone = network().backbone
    for name, value in backbone.state_dict().items():  # as after a training, but for the counters
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return {**backbone.state_dict(), "fc.weight": torch.zeros(1000, 32), "fc.bias": torch.zeros(1000)}


@pytest.fixture
def file(weights, tmp_path):
    torch.save(weights, tmp_path / "backbone.pth")
    return tmp_path / "backbone.pth"


def under(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


FORMS = {
    "as it is": lambda state: state,
    "without the classifier": lambda state: {n: v for n, v in state.items() if not n.startswith("fc.")},
    "without counters": lambda state: {n: v for n, v in state.items() if not n.endswith("num_batches_tracked")},
    "counters with one dimension": lambda state: {n: v[None] if v.ndim == 0 else v for n, v in state.items()},
    "under module.": lambda state: under("module.", state),
    "under _orig_mod.": lambda state: under("module._orig_mod.", state),
    "inside state_dict": lambda state: {"state_dict": state, "epoch": 90, "optimizer": {"state": {}}, "acc": None},
    "inside model": lambda state: {"model": state, "args": {"lr": 0.1}},
    "under module. inside state_dict": lambda state: {"state_dict": under("module.", state)},
    "half precision": lambda state: {n: v.half() if v.is_floating_point() else v for n, v in state.items()},
    "parameters": lambda state: {n: torch.nn.Parameter(v, False) for n, v in state.items()},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("storage", ["zip", "legacy", "xz"])
def test_weights_are_loaded_in_every_form_that_people_save(form, storage, weights, tmp_path):
    file = tmp_path / "mine.pth"
    torch.save(FORMS[form](weights), file, _use_new_zipfile_serialization=storage != "legacy")
    if storage == "xz":
        packed = tmp_path / "mine.pth.xz"
        packed.write_bytes(lzma.compress(file.read_bytes(), preset=0))
        file = packed
    loaded = load(file).backbone.state_dict()
    assert all(value.dtype == weights[name].dtype for name, value in loaded.items())
    for name, value in loaded.items():
        torch.testing.assert_close(value, weights[name], rtol=2e-3 if form == "half precision" else 0, atol=1e-6)


def test_a_file_as_torchvision_published_it_is_loaded(tmp_path):
    models = pytest.importorskip("torchvision.models")
    theirs = models.resnet50(weights=None).state_dict()
    for name in [name for name in theirs if name.endswith("num_batches_tracked")]:
        del theirs[name]
    assert len(theirs) == 267  # resnet50-0676ba61.pth, older than the counters
    torch.save(theirs, tmp_path / "resnet50.pth")
    loaded = load(tmp_path / "resnet50.pth", network(backbone="resnet50", base_width=64)).backbone.state_dict()
    assert len(loaded) == 318
    for name, value in loaded.items():
        assert torch.equal(value, theirs[name]) if name in theirs else value == 0, name


def test_real_imagenet_weights_fill_the_whole_backbone(shared):
    made = network(base_width=64)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    after = load(shared("weights") / "resnet18-imagenet.pth.xz", made).state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    convolutions = {name for name in after if name.startswith("backbone.") and after[name].ndim == 4}
    assert convolutions <= changed
    assert not [name for name in changed if not name.startswith("backbone.")]


OBJECTS = {
    "arguments": lambda: {"args": argparse.Namespace(lr=0.1)},
    "a module": lambda: torch.nn.Conv2d(1, 1, 1),
    "a number of numpy": lambda: {"accuracy": np.float64(76.1)},
    "a path": lambda: {"path": Path("data")},
}


@pytest.mark.parametrize("made", OBJECTS)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_with_pickled_objects_is_refused_as_that(made, zipped, tmp_path):
    file = tmp_path / "mine.pth"
    torch.save(OBJECTS[made](), file, _use_new_zipfile_serialization=zipped)
    message = refusal(file)
    assert "holds pickled objects, not tensors alone" in message
    assert "save its tensors alone: torch.save(torch.load('mine.pth', weights_only=False)['state_dict']" in message


def test_the_stated_command_makes_a_file_with_pickled_objects_loadable(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": weights, "args": argparse.Namespace(lr=0.1)}, "mine.pth")
    command = re.search(r"torch\.save\(.*'tensors\.pth'\)", refusal(Path("mine.pth"))).group()
    eval(command, {"torch": torch})
    assert torch.equal(load(Path("tensors.pth")).backbone.conv1.weight, weights["conv1.weight"])


@pytest.mark.parametrize(
    "content", [b"", b"<html>Log in</html>", b"\x08" + bytes(7) + b'{"a":{} }', b"PK\x03\x04 cut", "cut"]
)
def test_a_file_that_torch_cannot_read_is_called_no_more_than_that(content, weights, tmp_path):
    file = tmp_path / "mine.pth"
    torch.save(weights, file, _use_new_zipfile_serialization=False)
    for size in range(100, 2000, 100) if content == "cut" else [None]:
        file.write_bytes(content if size is None else file.read_bytes()[:-size])
        assert "torch.load cannot read it (" in refusal(file)


def test_a_file_with_one_tensor_is_no_state_dict(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "mine.pth")
    assert "holds a Tensor, not a state dict" in refusal(tmp_path / "mine.pth")


def test_own_weights_with_another_hash_state_both_and_the_key(file):
    message = refusal(file, digest="00000000")
    key = "weights.resnet18 in params/scales/mini.yaml"
    assert message == f"{file}: its SHA-256 is {sha256(file)}, not 00000000; correct {key}"
    load(file, digest=sha256(file).upper())


def test_published_weights_with_another_hash_say_how_to_get_them(file):
    assert refusal(file, kind="url", digest="00000000").endswith(
        "not 00000000; move it away and run `acnet fetch-weights backbone.pth` where there is a network"
    )


@pytest.mark.parametrize(
    ("kind", "remedy"), [("url", "run `acnet fetch-weights gone.pth` where"), ("file", "correct weights.resnet18 in")]
)
def test_a_file_that_is_not_there_says_how_to_get_it(kind, remedy, tmp_path):
    assert f"gone.pth: not found; {remedy}" in refusal(tmp_path / "gone.pth", kind=kind, digest="00")


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"base_width": 16}, "conv1.weight has shape (8, 3, 7, 7), expected (16, 3, 7, 7)"),
        ({"backbone": "resnet34"}, "it has no layer1.2.conv1.weight"),
        ({"backbone": "resnet50"}, "layer1.0.conv1.weight has shape (8, 8, 3, 3), expected (8, 8, 1, 1)"),
        ({"stem": "deep"}, "bn1.weight has shape (8,), expected (16,)"),
    ],
)
def test_weights_of_another_backbone_are_refused_by_the_first_tensor_that_differs(file, changes, difference):
    message = refusal(file, network(**changes))
    assert message.startswith(f"{file}: not weights for the run's resnet18: {difference}")
    assert message.endswith("; correct weights.resnet18 in params/scales/mini.yaml")


@pytest.mark.parametrize(
    ("state", "difference"),
    [
        (lambda state: {"network": state, "run": "acb1"}, "it has no conv1.weight, but network;"),
        (lambda state: under("backbone.", state), "it has no conv1.weight, but backbone.conv1.weight;"),
        (lambda state: {**state, "head.weight": torch.zeros(2)}, "it has head.weight, which is not expected;"),
    ],
)
def test_other_names_are_told(weights, tmp_path, state, difference):
    torch.save(state(weights), tmp_path / "mine.pth")
    assert f"not weights for the run's resnet18: {difference}" in refusal(tmp_path / "mine.pth")


def test_fine_tuning_begins_with_the_other_runs_network_of_the_same_seed(undisturbed):
    made = network()
    init = InitialWeights(kind="run", run="tiny", name="tiny")
    load_initial_weights(made, tiny_run(init=init), undisturbed.root / "results/fine/seed0")
    trained = undisturbed.weights()
    assert all(torch.equal(value, trained[name]) for name, value in made.state_dict().items())
