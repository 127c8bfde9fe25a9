"""The columns of a row, and the files that the work tree shows in its place."""

import json
from pathlib import Path

import numpy as np
import pytest

from acnet.data.classes import load
from acnet.evaluate.counts import Counts, ImageCounts, write_counts
from acnet.params.campaign import Campaign
from acnet.track import row as module
from acnet.track.row import columns, measures, parameters


@pytest.fixture(scope="module")
def campaign(request):
    return Campaign(request.config.rootpath / "params", "mini")


def test_the_work_tree_shows_the_columns_of_every_row(root, campaign):
    nothing = {name: {"miou": "not run", "pixacc": "not run"} for name in campaign.protocols}
    metrics = {"score": "   not run", **nothing, "hours": "not run", "gpu_hours": "not run"}
    run = parameters(campaign.resolve("acb3", 0), {"commit": "a" * 40})
    params = dict.fromkeys([*run, "stale"], "none")
    assert list(metrics) == list(measures({}, campaign.protocols, {"seconds": 1}))
    assert (root / "experiment" / "params.yaml").read_text().splitlines()[1:] == columns(params).splitlines()
    assert json.loads((root / "experiment" / "metrics.json").read_text()) == metrics
    assert (root / "experiment" / "history.csv").read_text() == module.history(Path("none"))
    assert (root / "experiment" / "classes.csv").read_text() == module.classes(None)
    assert (root / "experiment" / "confusion.csv").read_text() == module.confusion(None, ())


@pytest.mark.parametrize(
    "run, expected",
    [
        ("fcn_s16", ("none", "none", "none", "none", "none")),
        ("gc_s8", ("GC", "none", "none", 1, "none")),
        ("gcm_d2_s16", ("GCM", 2.0, "none", 1, "none")),
        ("gcm_lc", ("GCM+LC", 5.0, 1, 1, "none")),
        ("gcm_lcm2", ("GCM+LCM", 5.0, 2, 1, "none")),
        ("fcn_lc", ("LC", "none", 1, 1, "none")),
        ("r101_mg", ("GCM+LCM", 5.0, 3, 3, "MG")),
        ("r101_ohem", ("GCM+LCM", 5.0, 3, 3, "MG+DA+OHEM")),
    ],
)
def test_parameters_that_do_not_apply_say_none(campaign, run, expected):
    row = parameters(campaign.resolve(run, 0), {})
    assert tuple(row[name] for name in ("modules", "delta", "n", "blocks", "strategies")) == expected
    assert row["commit"] == "unknown"


def test_a_dirty_commit_is_marked(campaign):
    row = parameters(campaign.resolve("acb3", 0), {"commit": "c" * 40, "dirty": True})
    assert row["commit"] == "cccccccccc+"


def test_hours_count_as_gpu_hours_only_on_gpus():
    row = measures({}, [], {"seconds": 7200, "device": "CPU"})
    assert (row["hours"], row["gpu_hours"]) == (2.0, 0.0)
    assert measures({}, [], {"seconds": 7200, "device": "NVIDIA H200"})["gpu_hours"] == 2.0
    assert measures({}, [], {"seconds": 7200, "device": "NVIDIA H200", "processes": 4})["gpu_hours"] == 8.0
    row = measures({}, [], {"seconds": 1, "device": "NVIDIA H200", "processes": 8})
    assert (row["hours"], row["gpu_hours"]) == (0.0003, 0.0022)  # each from the seconds


def test_a_measure_without_value_is_not_the_same_as_a_protocol_not_run():
    row = measures({"single": {"miou": 0.5, "pixacc": None}}, ["single", "multi_flip"], {"seconds": 1})
    assert row["single"] == {"miou": 50.0, "pixacc": "none"}
    assert row["multi_flip"] == {"miou": "not run", "pixacc": "not run"}


def test_scores_sort_by_number_and_a_run_without_one_comes_last():
    measured = [{"single": {"miou": miou}} for miou in (0.081, 1.0, 0.5457)] + [{"multi_flip": {"miou": 0.3}}, {}]
    scores = [measures(metrics, ["single", "multi_flip"], {"seconds": 1})["score"] for metrics in measured]
    ranked = sorted(scores, reverse=True)
    assert ranked == ["100.00 single", " 54.57 single", " 30.00 multi_flip", "  8.10 single", "   not run"]


def test_a_long_history_is_thinned_and_keeps_its_last_step(tmp_path):
    file = tmp_path / "history.csv"
    file.write_text("step,epoch,loss,learning_rate\n" + "".join(f"{n},0,1,0.1\n" for n in range(1, 5002)))
    lines = module.history(file).splitlines()
    assert 200 < len(lines) <= 401
    assert lines[-1].startswith("5001,")


def test_confusion_is_a_share_of_each_true_class_in_class_order(tmp_path):
    image = ImageCounts(np.array([0, 1], np.uint32), np.array([3, 1], np.uint32), np.zeros((3, 11), np.uint32))
    write_counts(tmp_path / "single.images.npz", Counts.join(["a"], 11, [2], [image]))
    text = module.confusion(tmp_path / "single.images.npz", load("camvid").names)
    lines = text.splitlines()
    assert [line.split(",")[0] for line in lines[1:12]] == list(load("camvid").names)
    assert lines[1] == "Sky,Sky,75.0" and "Road,Road,0.0" in lines
    assert lines[12:] == ["Sky,Building,25.0"]
