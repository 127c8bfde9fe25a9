"""Networks elsewhere: exported files give what the checkpoint gives, in the runtimes that read them."""

import json
import math
import shutil

import numpy as np
import pytest
import torch

import acnet
from acnet import export as exporting
from acnet.errors import AcnetError
from acnet.export import export
from acnet.model import build_network, count_parameters
from tests.tiny import tiny_run

THREE = {"blocks": 3, "auxiliary": False}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, prepared):
    """The folder of a run with three gates, and with `alpha` far from its initial value."""
    from tests.unit.conftest import Tiny

    root = tmp_path_factory.mktemp("three")
    (root / "data").symlink_to(prepared)
    tiny = Tiny(root)
    tiny.train(**THREE)
    return tiny.folder()


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def outputs(folder, given):
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    network = build_network(tiny_run(**THREE).model, 11)
    network.load_state_dict(content["network"])
    with torch.no_grad():
        found = network.eval()(given)
    return [found["logits"], *found["gates"]]


def test_what_a_format_cannot_hold_for_every_size_is_said_with_the_remedy(trained, tmp_path, monkeypatch):
    def fails(*_):
        raise AssertionError("Guard failed: images.size()[0] == 2\nmore")

    monkeypatch.setitem(exporting.FORMATS, "pt2", fails)
    said = r"run 'tiny': pt2 cannot hold it for images of any size \(Guard failed: .* == 2\); fix one with --size HxW"
    with pytest.raises(AcnetError, match=said):
        export(tiny_run(**THREE), trained / "checkpoint.pt", "pt2", tmp_path / "it.pt2")
    assert not (tmp_path / "it.pt2").exists()


def test_onnx_runs_in_onnxruntime_at_any_size_and_batch(trained, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="pip install '.[export]'")
    said = export(tiny_run(**THREE), trained / "checkpoint.pt", "onnx", tmp_path / "it.onnx")
    assert list(said) == ["logits", "gate1", "gate2", "gate3"] and max(said.values()) < 1e-4
    session = runtime.InferenceSession(tmp_path / "it.onnx", providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 64, 96), (3, 3, 57, 41)):
        found = session.run(None, {"images": images(*shape).numpy()})
        for theirs, ours in zip(found, outputs(trained, images(*shape)), strict=True):
            np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4)
    about = json.loads(session.get_modelmeta().custom_metadata_map["acnet"])
    assert (
        about["classes"][0] == "Sky"
        and about["params"]["blocks"] == 3
        and about["mean"] == pytest.approx([0.485, 0.456, 0.406])
    )


def test_onnx_of_one_size_takes_that_size_alone(trained, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="pip install '.[export]'")
    export(tiny_run(**THREE), trained / "checkpoint.pt", "onnx", tmp_path / "it.onnx", (48, 80))
    session = runtime.InferenceSession(tmp_path / "it.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 48, 80]


def test_pt2_runs_with_torch_alone(trained, tmp_path):
    export(tiny_run(**THREE), trained / "checkpoint.pt", "pt2", tmp_path / "it.pt2")
    found = torch.export.load(tmp_path / "it.pt2").module()(images(3, 3, 57, 41))
    torch.testing.assert_close(list(found), outputs(trained, images(3, 3, 57, 41)), rtol=0, atol=1e-5)


def test_a_network_is_loaded_from_a_folder_a_checkpoint_or_safetensors_elsewhere(trained, tmp_path, monkeypatch):
    pytest.importorskip("safetensors", reason="pip install '.[export]'")
    said = export(tiny_run(**THREE), trained / "checkpoint.pt", "safetensors", tmp_path / "it.safetensors")
    assert set(said.values()) == {0.0}
    shutil.copy(trained / "checkpoint.pt", tmp_path / "mine.pt")
    monkeypatch.chdir(tmp_path)
    for path in (trained, "mine.pt", tmp_path / "it.safetensors"):
        with torch.no_grad():
            found = acnet.load(path)(images(1, 3, 40, 56))
        torch.testing.assert_close(
            [found["logits"], *found["gates"]], outputs(trained, images(1, 3, 40, 56)), rtol=0, atol=0
        )


def test_what_holds_no_network_is_refused_in_one_line(tmp_path):
    library = pytest.importorskip("safetensors.torch", reason="pip install '.[export]'")
    library.save_file({"a": torch.zeros(2)}, tmp_path / "empty.safetensors", {"acnet": "{}"})
    (tmp_path / "damaged.safetensors").write_bytes(b"not a file of tensors")
    torch.save({"network": {}}, tmp_path / "bare.pt")
    for name, said in (
        ("nowhere.safetensors", "not found; name a file that `acnet export` wrote"),
        ("damaged.safetensors", "damaged ("),
        ("empty.safetensors", "says nothing of its network; name a file that"),
        ("bare.pt", "says nothing of its network; name a file that"),
    ):
        with pytest.raises(AcnetError) as error:
            acnet.load(tmp_path / name)
        assert str(error.value).startswith(f"{tmp_path / name}: {said}")


@pytest.mark.parametrize("difference", [2e-4, math.nan])
def test_outputs_that_differ_leave_no_file(trained, tmp_path, monkeypatch, difference):
    def wrong(network, images, *rest):
        (tmp_path / "x").touch()
        rest[-1].touch()
        return lambda given: [one + difference for one in network(given)]

    monkeypatch.setitem(exporting.FORMATS, "pt2", wrong)
    with pytest.raises(AcnetError, match=r"it.pt2: not written; its outputs differ from the checkpoint's by "):
        export(tiny_run(**THREE), trained / "checkpoint.pt", "pt2", tmp_path / "it.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_shuffled_gates_and_missing_packages_are_refused_in_one_line(trained, tmp_path, monkeypatch):
    with pytest.raises(AcnetError, match="shuffles its gates anew in each pass; only safetensors"):
        export(tiny_run(**THREE, gate="shuffled"), trained / "checkpoint.pt", "pt2", tmp_path / "it")
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    with pytest.raises(
        AcnetError, match=r"safetensors: not installed; in the project's folder, pip install '.\[export\]'"
    ):
        export(tiny_run(**THREE), trained / "checkpoint.pt", "safetensors", tmp_path / "it")
    assert not list(tmp_path.iterdir())


def test_shapes_and_parameters_can_be_asked_on_the_meta_device():
    with torch.device("meta"):
        network = build_network(tiny_run(**THREE).model, 11).eval()
    found = network(torch.empty(2, 3, 64, 96, device="meta"))
    assert found["logits"].shape == (2, 11, 64, 96)
    assert [gate.shape[-2:] for gate in found["gates"]] == [(4, 6), (8, 12), (16, 24)]


def test_torchinfo_summarises_a_network():
    torchinfo = pytest.importorskip("torchinfo", reason="pip install torchinfo")
    network = build_network(tiny_run(**THREE).model, 11)
    for device in ("cpu", "meta"):
        said = torchinfo.summary(network.to(device), (1, 3, 64, 96), device=device, mode="eval", verbose=0)
        assert said.total_params == count_parameters(network) and "GlobalContextModule" in str(said)
