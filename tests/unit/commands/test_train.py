"""`acnet train` by the command itself: the status by which a scheduler knows that it has to be called again."""

import pytest
import torch

from acnet.files import sha256

RUN = "results/mini/fcn_s16/seed0"


def test_out_of_time_is_status_75_and_the_same_command_goes_on(here, acnet):
    (here / RUN / "checkpoint.pt").unlink()
    done = acnet(f"train --params {RUN}/params.yaml --time-limit 0")
    assert done.status == 75
    assert done.lines[-1] == "acnet: stopped before its time limit at step 0 of 4; the same command resumes there"
    assert not (here / RUN / "checkpoint.pt").exists()
    done = acnet(f"train --params {RUN}/params.yaml")
    assert done.status == 0 and any("resuming at step 0" in line for line in done.lines)
    assert (here / RUN / "checkpoint.pt").exists()


def test_a_run_starts_from_a_file_as_torchvision_published_it(here, acnet):
    theirs = pytest.importorskip("torchvision.models").resnet18(weights=None).state_dict()
    counters = [name for name in theirs if name.endswith("num_batches_tracked")]  # which those files lack
    weights = {name: value for name, value in theirs.items() if name not in counters}
    torch.save(weights, here / "resnet18.pth")
    text = (here / "params/scales/mini.yaml").read_text()
    for old, new in (
        (
            "pretrained: false",
            f"weights: {{resnet18: {{file: resnet18.pth, sha256: {sha256('resnet18.pth')}, name: mine}}}}",
        ),
        ("  base_width: 8\n", ""),
        ("  learning_rate: 0.1\n", "  learning_rate: 1e-12\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    (here / "params/scales/own.yaml").write_text(text)
    run = "results/own/fcn_s16/seed0"
    assert acnet("resolve --scale own --run fcn_s16").status == 0
    assert acnet(f"train --params {run}/params.yaml").status == 0
    trained = torch.load(here / run / "checkpoint.pt", weights_only=True)["network"]
    for name, value in weights.items():
        if not name.startswith("fc.") and "running" not in name:
            torch.testing.assert_close(trained[f"backbone.{name}"], value, rtol=0, atol=1e-6)
    steps = {trained[f"backbone.{name}"].item() for name in counters}
    assert steps == {4}  # counted from 0
