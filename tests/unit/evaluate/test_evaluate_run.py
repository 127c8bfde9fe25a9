import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from acnet import provenance
from acnet.cli import main
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.evaluate import evaluate as module
from acnet.evaluate.counts import confusion, read_counts
from acnet.evaluate.evaluate import evaluate_run
from acnet.evaluate.inference import Predictor
from acnet.files import digest, read_json
from acnet.params.measures import load_measures
from acnet.params.protocols import Protocol
from tests.tiny import changed

MEASURES = load_measures(Path(__file__).parents[3] / "params")
SINGLE = Protocol(name="single", scales=[1.0])
MULTI = Protocol(name="multi_flip", scales=[0.5, 1.0, 1.5], flip=True, window=[32, 40], stride=2 / 3, batch=4)


def evaluate(run, *protocols):
    assert evaluate_run(run.config, run.checkpoint, protocols, MEASURES, run.data, run.out)
    return [read_json(run.out / f"{protocol.name}.json") for protocol in protocols]


def refusal(run):
    with pytest.raises(AcnetError) as caught:
        evaluate(run, SINGLE)
    assert not run.out.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_split_that_the_run_was_fine_tuned_on_is_refused(run):
    run.config = changed(run.config, train_splits=["train", "val"])
    assert refusal(run).startswith("run 'acb3': is fine-tuned on val, so its score there would tell nothing")


def test_metrics_name_the_run_and_the_protocol_and_hold_the_confusion_of_its_predictions(run):
    predictor = Predictor(run.network(), 11, torch.device("cpu"))
    store = Store(run.data / "mini_camvid", "val")
    for protocol, metrics in zip((SINGLE, MULTI), evaluate(run, SINGLE, MULTI), strict=True):
        expected = np.zeros((11, 11), np.int64)
        for i in range(len(store)):
            expected += confusion(store.label(i), predictor.label_map(store.image(i), protocol, ""), 11)
        assert (read_counts(run.out / f"{protocol.name}.images.npz").confusion() == expected).all()
        assert list(metrics["class_pixels"].values()) == expected.sum(1).tolist()
        assert metrics["protocol"] == protocol.identity()
        assert metrics["protocol_hash"] == digest(protocol.identity())
        assert metrics["images"] == 6
        assert metrics["pixels"] == expected.sum() < sum(h * w for h, w in store.sizes)
        named = {key: metrics[key] for key in ("scale", "run", "seed", "dataset", "reader", "split")}
        assert named == {
            "scale": "mini",
            "run": "acb3",
            "seed": 0,
            "dataset": "mini_camvid",
            "reader": "camvid",
            "split": "val",
        }


def test_two_runs_write_the_same_bytes(run):
    evaluate(run, SINGLE, MULTI)
    first = {file.name: file.read_bytes() for file in run.out.iterdir()}
    evaluate(run, MULTI, SINGLE)
    assert {file.name: file.read_bytes() for file in run.out.iterdir()} == first
    assert set(first) == {f"{name}.{kind}" for name in ("single", "multi_flip") for kind in ("json", "images.npz")}


def stop_after(monkeypatch, images):
    """Let evaluation score so many images, then stop it; return the list of those scored since."""
    scored = []

    def label_map(self, image, protocol, name):
        if len(scored) == images:
            raise KeyboardInterrupt
        scored.append(int(name.removeprefix("street_")))
        return real(self, image, protocol, name)

    real = Predictor.label_map
    monkeypatch.setattr(Predictor, "label_map", label_map)
    return scored


def interrupted(run, monkeypatch, images):
    with monkeypatch.context() as patched:
        stop_after(patched, images)
        with pytest.raises(KeyboardInterrupt):
            evaluate(run, SINGLE)


def test_an_interrupted_evaluation_resumes(run, monkeypatch):
    evaluate(run, SINGLE)
    expected = {file.name: file.read_bytes() for file in run.out.iterdir()}
    shutil.rmtree(run.out)
    interrupted(run, monkeypatch, 2)
    assert not run.out.exists()
    assert sorted(file.name for file in (run.out.parent / "evaluating/single").rglob("*.*")) == ["0.npz", "1.npz"]
    scored = stop_after(monkeypatch, 99)
    evaluate(run, SINGLE)
    assert scored == [2, 3, 4, 5]
    assert {file.name: file.read_bytes() for file in run.out.iterdir()} == expected
    assert not (run.out.parent / "evaluating").exists()


def test_a_comment_an_unused_parameter_or_another_batch_keeps_what_is_scored(run, monkeypatch, tmp_path):
    package = shutil.copytree(provenance.PACKAGE, tmp_path / "acnet", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(module, "source_hash", provenance.source_hash.__wrapped__)
    interrupted(run, monkeypatch, 3)
    for file in package.rglob("*.py"):
        file.write_text(file.read_text() + "# A comment.\n")
    run.config = changed(run.config, ohem_keep=0.5, save_minutes=1.0)
    scored = stop_after(monkeypatch, 99)
    evaluate(run, dataclasses.replace(SINGLE, batch=4))
    assert scored == [3, 4, 5]


def test_what_other_code_scored_is_not_taken(run, monkeypatch):
    interrupted(run, monkeypatch, 3)
    monkeypatch.setattr(module, "source_hash", lambda: "another")
    scored = stop_after(monkeypatch, 99)
    evaluate(run, SINGLE)
    assert scored == [0, 1, 2, 3, 4, 5]


def test_what_another_checkpoint_scored_is_not_taken(run, monkeypatch):
    interrupted(run, monkeypatch, 3)
    network = run.network()
    torch.nn.init.constant_(network.classifier[-1].bias[3:4], 1e6)
    run.save(network)
    scored = stop_after(monkeypatch, 99)
    assert evaluate(run, SINGLE)[0]["pixacc"] == 0
    assert scored == [0, 1, 2, 3, 4, 5]


def test_metrics_name_the_gpu_and_its_batch(run, monkeypatch):
    class Device:
        type = "cuda"

    real = module.load_predictor
    monkeypatch.setattr(module, "described", lambda device: "a GPU")
    # There the number of windows in a forward pass is free, so it is recorded; on a CPU it is fixed.
    monkeypatch.setattr(module, "load_predictor", lambda *a: dataclasses.replace(real(*a), device=Device()))
    monkeypatch.setattr(Predictor, "label_map", lambda self, image, *_: image[..., 0] % 11)
    made = evaluate(run, SINGLE, MULTI)
    assert [metrics["provenance"] for metrics in made] == [{"device": "a GPU", "batch": n} for n in (1, 4)]
    monkeypatch.setattr(module, "load_predictor", real)
    assert "provenance" not in evaluate(run, SINGLE)[0]


def test_another_number_of_classes_than_the_readers_is_refused(run):
    run.config = changed(run.config, classes=12)
    assert "classes: 12, but reader camvid has 11" in refusal(run)


@pytest.mark.parametrize(
    ("key", "value"), [("delta", 2.0), ("output_stride", 8), ("block_channels", [8, 12]), ("multi_grid", [1, 2, 4])]
)
def test_a_checkpoint_of_other_parameters_is_refused_by_their_name(run, key, value):
    stored = getattr(run.config.model, key)
    run.config = changed(run.config, **{key: value})
    assert refusal(run).startswith(
        f"{run.checkpoint}: of another network: {key}: trained with {stored}, the run's parameters ask for {value};"
    )


def test_a_checkpoint_whose_network_does_not_use_what_differs_is_taken(run):
    run.config = changed(run.config, global_context="gc", local_context="none", blocks=1)
    run.save(run.network())
    run.config = changed(run.config, delta=2.0, reuse=3, block_channels=[4, 4])
    assert evaluate(run, SINGLE)[0]["images"] == 6


def test_a_checkpoint_of_another_number_of_classes_is_refused(run):
    run.config = changed(run.config, classes=19)
    run.save(run.network())
    run.config = changed(run.config, classes=11)
    assert "classes: trained with 19, the run's parameters ask for 11" in refusal(run)


@pytest.mark.parametrize(
    ("key", "value", "difference"),
    [
        ("blocks", 2, "it has blocks.2."),
        ("local_channels", 6, "blocks.0.local_context."),
        ("auxiliary", True, "it has no auxiliary."),
    ],
)
def test_a_checkpoint_without_parameters_is_compared_by_its_tensors(run, key, value, difference):
    torch.save({"network": run.network().state_dict()}, run.checkpoint)
    run.config = changed(run.config, **{key: value})
    assert refusal(run).startswith(f"{run.checkpoint}: of another network: {difference}")


@pytest.mark.parametrize("text", ["0/2", "3/2", "two", "1/2/3"])
def test_a_part_that_is_none_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--params", "params.yaml", "--protocol", "single", "--part", text])
    assert f"'{text}' is not a part; write 2/3 for the second of three" in capsys.readouterr().err
