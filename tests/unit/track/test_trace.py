"""Where a table cell comes from."""

import json

import pytest

from acnet.errors import AcnetError
from acnet.files import digest, sha256
from acnet.params.campaign import Campaign
from acnet.params.resolved import read_resolved, write_resolved
from acnet.provenance import source_hash
from acnet.track.trace import trace


@pytest.fixture
def campaign(root):
    return Campaign(root / "params", "mini")


@pytest.fixture
def tell(tmp_path, campaign):
    """A function from a table's row to the account of it, acb3 being trained and measured by `single`."""
    folder = tmp_path / "results" / "mini" / "acb3" / "seed0"
    write_resolved(campaign.resolve("acb3", 0), folder / "params.yaml")
    made = {
        "commit": "c" * 40, "dirty": False, "source_hash": source_hash(), "versions": {"torch": "2.15.0"},
        "device": "CPU", "threads": 2, "precision": "float32", "started": "2024-05-01T10:00:00+00:00",
        "finished": "2024-05-01T12:00:00+00:00", "seconds": 7200, "checkpoint_sha256": "ab" * 32,
        "params_hash": digest(read_resolved(folder / "params.yaml")),
    }  # fmt: skip
    (folder / "provenance.json").write_text(json.dumps(made))
    measured = {"scale": "mini", "run": "acb3", "seed": 0, "protocol": {"name": "single"}, "miou": 0.51, "pixacc": 0.9}
    (folder / "metrics").mkdir()
    (folder / "metrics" / "single.json").write_text(json.dumps(measured))
    (tmp_path / "data" / "mini_cityscapes").mkdir(parents=True)
    (tmp_path / "data" / "mini_cityscapes" / "manifest.json").write_text("{}")

    def account(table, row, column=None, **changed) -> str:
        (folder / "provenance.json").write_text(json.dumps(made | changed))
        return trace(campaign, table, row, column, tmp_path / "data", tmp_path / "results")

    account.root = tmp_path
    return account


def fields(text: str) -> dict[str, str]:
    lines = (line.strip().split("  ", 1) for line in text.splitlines() if line.startswith("  "))
    return {name: value.strip() for name, value in (line for line in lines if len(line) == 2)}


def test_an_account_names_everything_behind_the_number(tell):
    text = tell("table3", "Res-50+ACB#3")
    found = fields(text)
    assert text.startswith("table3, Res-50+ACB#3: mIoU 51.00 (paper 76.53)\n")
    assert found["run"] == "acb3, seed 0 at scale mini: measured"
    assert found["protocol"].startswith("single: scales [1.0], mirror False")
    assert sha256(tell.root / "data/mini_cityscapes/manifest.json") in found["dataset"]
    assert "ab" * 32 in found["checkpoint"] and found["checkpoint"].endswith("not here")
    assert found["commit"] == "c" * 40
    assert found["took"] == "2 h 00 min (2.000 h)"
    assert found["initial weights"] == "unknown"
    assert found["stale"].startswith("no:")
    assert found["model.delta"] == "5.0  # paper: Eq. 2 and Table 1"
    assert found["model.backbone"] == "resnet18  # scale: " + found["model.backbone"].split("# scale: ")[1]
    assert "restore --config scale=mini only=table3" in found["get it"]
    assert "runs=acb3" in found["make it again"]


def test_the_end_of_a_method_means_every_row_that_ends_so(tell):
    text = tell("table3", "ACB#3")
    assert [line for line in text.splitlines() if line.startswith("table3")] == [
        "table3, Res-50+ACB#3: mIoU 51.00 (paper 76.53)",
        "table3, Res-101+ACB#3: mIoU not run (paper 77.42)",
    ]


def test_a_row_with_a_run_for_each_column_gives_an_account_of_each(tell):
    assert [line for line in tell("table1", "fcn").splitlines() if line.startswith("  run ")] == [
        line for column in ("os16", "os8") for line in tell("table1", "fcn", column).splitlines() if line[2:6] == "run "
    ]


def test_changed_code_and_parameters_make_a_run_stale(tell):
    assert "yes: code has changed" in fields(tell("table3", "r50_acb3", source_hash="0"))["stale"]
    assert "yes: parameters have changed" in fields(tell("table3", "r50_acb3", params_hash="0"))["stale"]


def test_a_run_that_is_not_there_still_has_its_parameters(tell):
    found = fields(tell("table3", "r101_ohem"))
    assert found["run"].endswith("not run") and "commit" not in found
    assert found["train.ohem"].startswith("True")


@pytest.mark.parametrize(
    "table, row, column, message",
    [
        ("table3", "ACB#4", None, "no row 'ACB#4'; rows of ours: Res-50\\+ACB#1"),
        ("table4", "CCNet", None, "cited from the paper"),
        ("table3", "ACB#3", "pixacc", "no column 'pixacc'"),
        ("table9", "ACB#3", None, "unknown table 'table9'"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(tell, table, row, column, message):
    with pytest.raises(AcnetError, match=message):
        tell(table, row, column)
