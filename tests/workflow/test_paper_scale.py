"""The networks of the paper's scale, at their full width."""

import sys

import pytest

from acnet.files import read_json
from acnet.params.campaign import Campaign
from acnet.params.tables import Tables
from tests.conftest import ROOT


@pytest.fixture
def scale_runs(monkeypatch, tmp_path):
    """The benchmark as a module, which writes its record into a folder of its own."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import scale_runs

    monkeypatch.setattr(scale_runs, "RESULTS", tmp_path)
    return scale_runs


def test_runs_of_the_paper_step_at_a_reduced_crop(scale_runs, monkeypatch, tmp_path):
    # Three blocks; and the largest network, with multi-grid, OHEM and the auxiliary loss.
    runs = ["acb3", "r101_ohem"]
    monkeypatch.setattr(Tables, "trained", lambda *_: runs)
    monkeypatch.setattr(sys, "argv", ["scale_runs.py", "--crop", "48"])
    scale_runs.main()
    (_, found), *others = read_json(tmp_path / "paper.json").items()
    assert not others
    for run in runs:
        assert (found[run]["steps"], found[run]["crop"], found[run]["whole"]) == (1, [48, 48], False)
        assert found[run]["images_per_second"] > 0


def test_every_run_of_the_paper_has_been_stepped_on_some_device():
    campaign = Campaign(ROOT / "params", "paper")
    runs = campaign.tables.trained(campaign.shown())
    assert len(runs) == 28
    assert any({*runs} <= {*found} for found in read_json(ROOT / "benchmarks/results/paper.json").values())
