"""Where a table cell comes from."""

import functools
import json
import shutil
import subprocess
from hashlib import md5

import pytest
import yaml

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.files import sha256
from acnet.jobs.status_files import note
from acnet.params.campaign import Campaign
from acnet.params.run import read_run, write_run
from acnet.provenance import source_hash
from acnet.report.cell_origin import Roots, trace
from acnet.track.restore import commands_that_fetch


@pytest.fixture
def campaign(root):
    return Campaign(root / "params", "mini")


@pytest.fixture
def tell(tmp_path, campaign):
    """A function from a table's row to the account of it, acb3 being trained and measured by `single`."""
    folder = tmp_path / "results" / "mini" / "acb3" / "seed0"
    write_run(campaign.resolve("acb3", 0), campaign.origins("acb3"), folder / "params.yaml")
    made = {
        "commit": "c" * 40, "dirty": False, "source_hash": source_hash(), "versions": {"torch": "2.15.0"},
        "device": "CPU", "threads": 2, "precision": "float32", "started": "2024-05-01T10:00:00+00:00",
        "finished": "2024-05-01T12:00:00+00:00", "seconds": 7200, "checkpoint_sha256": "ab" * 32,
        "params_hash": read_run(folder / "params.yaml").digest(),
    }  # fmt: skip
    (folder / "provenance.json").write_text(json.dumps(made))
    measured = {"scale": "mini", "run": "acb3", "seed": 0, "protocol": {"name": "single"}, "miou": 0.51, "pixacc": 0.9}
    (folder / "metrics").mkdir()
    (folder / "metrics" / "single.json").write_text(json.dumps(measured))
    (tmp_path / "data" / "mini_cityscapes").mkdir(parents=True)
    (tmp_path / "data" / "mini_cityscapes" / "manifest.json").write_text("{}")

    def account(table, row, column=None, params=None, **changed) -> str:
        (folder / "provenance.json").write_text(json.dumps(made | changed))
        roots = Roots(*(tmp_path / name for name in ("data", "results", "logs")))
        chosen = Campaign(params, "mini") if params else campaign
        return trace(chosen, table, row, column, roots, functools.partial(commands_that_fetch, tmp_path, chosen))

    account.root, account.folder, account.made = tmp_path, folder, made
    return account


def fields(text: str) -> dict[str, str]:
    lines = (line.strip().split("  ", 1) for line in text.splitlines() if line.startswith("  "))
    return {name: value.strip() for name, value in (line for line in lines if len(line) == 2)}


def test_an_account_names_everything_behind_the_number(tell):
    text = tell("table3", "Res-50+ACB#3")
    found = fields(text)
    assert text.startswith("table3, Res-50+ACB#3: mIoU 51.00 (paper 76.53)\n")
    assert found["run"] == "acb3, seed 0 at scale mini: measured"
    assert found["protocol"].startswith("single: scales [1.0], flip False")
    assert sha256(tell.root / "data/mini_cityscapes/manifest.json") in found["dataset"]
    assert "ab" * 32 in found["checkpoint"] and found["checkpoint"].endswith("not found")
    assert found["commit"] == "c" * 40
    assert found["duration"] == "2 h 00 min (2.000 h)"
    assert found["initial weights"] == "unknown"
    assert found["stale"].startswith("no:")
    assert found["model.delta"] == "5.0  # paper: Eq. 2 and Table 1"
    assert found["model.backbone"] == "resnet18  # scale: " + found["model.backbone"].split("# scale: ")[1]
    assert "restore" not in found
    assert "runs=acb3" in found["reproduce"]


def test_json_has_the_cells_parameters_and_provenance_of_every_row_that_is_meant(tell, root, capsys):
    names = ("data", "results", "logs")
    roots = [f"--params-root={root}/params", *(f"--{name}-root={tell.root / name}" for name in names)]
    assert main([*roots, "trace", "table3", "acb3", "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["run"], said["seed"], said["state"], said["stale"]) == ("acb3", 0, "measured", [])
    assert [(cell["row"], cell["column"], cell["values"], cell["paper"]) for cell in said["cells"]] == [
        ("r50_acb3", "miou", [51.0], 76.53)
    ]
    assert said["provenance"] == tell.made and said["protocol"] == {"name": "single"}
    assert said["params"]["model"]["delta"] == 5.0 and said["origins"]["model.delta"] == "paper: Eq. 2 and Table 1"
    assert said["reproduce"].startswith("snakemake --cores all runs --forcerun ")
    assert main([*roots, "trace", "table3", "ACB#3", "--json"]) == 0
    others = json.loads(capsys.readouterr().out)
    assert [entry["run"] for entry in others] == ["acb3", "r101_acb3"]
    assert (others[1]["stale"], others[1]["provenance"]) == (None, None)


@pytest.mark.parametrize("column", [None, "miou"])
def test_a_parameter_changed_since_has_the_origin_that_the_runs_own_file_states(tell, column):
    file = tell.folder / "params.yaml"
    text = file.read_text()
    lines = [line for line in text.splitlines() if line.startswith(("  delta: ", "  epochs: ", "  dropout: "))]
    text = text.replace(lines[0], "  delta: 10.0  # run: params/runs.yaml: acb3")
    text = text.replace(lines[1], "  dropout: 0.5")
    text = text.replace("name: from scratch", "name: mine")
    file.write_text(text.replace(lines[2], "  epochs: 7  # scale: params/scales/mini.yaml: common"))
    found = fields(tell("table3", "r50_acb3", column))
    assert found["model.delta"] == "10.0  (now 5.0)  # run: params/runs.yaml: acb3"
    assert found["model.dropout"].endswith("# not stated")
    assert found["train.epochs"] == "7  (now 50)  # scale: params/scales/mini.yaml: common"
    assert found["initial weights"].endswith("  (now from scratch)")


def test_a_protocol_changed_since_is_the_one_that_the_run_was_measured_by(tell):
    file = tell.folder / "metrics/single.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"protocol": {"name": "single", "scales": [0.5]}}))
    protocol = fields(tell("table3", "r50_acb3"))["protocol"]
    assert protocol.startswith("single: scales [0.5]  (now [1.0]), flip False,")


def test_settings_that_an_identity_leaves_out_are_those_of_the_measuring_too(tell, root, tmp_path):
    params = shutil.copytree(root / "params", tmp_path / "params")
    text = (params / "protocols.yaml").read_text()
    own = "title: single scale\n  common:\n    split: {value: val, origin: ours}\n"
    (params / "protocols.yaml").write_text(text.replace("title: single scale\n", own, 1))
    assert fields(tell("table3", "r50_acb3", params=params))["protocol"].endswith(", split None  (now val)")
    file = tell.folder / "metrics/single.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"protocol": {"name": "single", "gate": "constant"}}))
    assert fields(tell("table3", "r50_acb3"))["protocol"].endswith(", gate constant  (now trained)")


def test_a_run_is_found_however_its_name_is_written(tell, root, tmp_path):
    params = shutil.copytree(root / "params", tmp_path / "params")
    for name, old, new in (("runs", "\nacb2:", "\nAcb2:"), ("tables", "ours: acb2", "ours: Acb2")):
        text = (params / f"{name}.yaml").read_text()
        assert old in text
        (params / f"{name}.yaml").write_text(text.replace(old, new))
    for wanted in ("Acb2", "acb2"):
        assert fields(tell("table3", wanted, params=params))["run"].startswith("Acb2, seed 0 at scale mini: not run")


@pytest.fixture
def publish(tell):
    """A function that tags a campaign of the files under tests' root as they are now, named by their glob patterns."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tell.root), "-c", "user.name=a", "-c", "user.email=a@localhost", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def tag(name: str, *patterns: str) -> None:
        files = [file for pattern in patterns for file in tell.root.glob(pattern) if file.is_file()]
        outs = [
            {"md5": md5(f.read_bytes()).hexdigest(), "size": f.stat().st_size, "path": str(f.relative_to(tell.root))}
            for f in files
        ]
        (tell.root / "campaign.dvc").write_text(yaml.safe_dump({"meta": {"scale": "mini"}, "outs": outs}))
        git("add", "campaign.dvc")
        git("commit", "-m", name)
        git("tag", f"campaign/{name}")

    git("init")
    tag.git = git
    return tag


def restoring(text: str) -> str:
    return fields(text)["restore"]


def test_what_was_published_or_recorded_can_be_fetched(tell, publish):
    (tell.root / "results/mini/acb2/seed0").mkdir(parents=True)
    (tell.root / "results/mini/acb2/seed0/provenance.json").write_text("{}")
    publish("other", "results/mini/acb2/**/*")
    publish("spring", "results/mini/acb3/**/*")
    assert restoring(tell("table3", "r50_acb3")) == "acnet restore spring --only table3"
    publish.git("update-ref", f"refs/exps/ab/{'cd' * 19}/mini-acb3-seed0", "HEAD")
    lines = tell("table3", "r50_acb3").splitlines()
    (place,) = (i for i, line in enumerate(lines) if line.startswith("  reproduce  "))
    assert "dvc exp apply mini-acb3-seed0" in lines[place - 1]


def test_installed_packages_and_uncommitted_changes_are_named_and_applied(tell):
    assert "packages" not in fields(tell("table3", "r50_acb3"))
    (tell.folder / "distributions.txt").write_text("torch==2.15.0\n")
    (tell.folder / "changes.patch").write_text("diff\n")
    said = tell("table3", "r50_acb3")
    assert fields(said)["changes"] == f"{tell.folder}/changes.patch, SHA-256 {sha256(tell.folder / 'changes.patch')}"
    assert sha256(tell.folder / "distributions.txt") in fields(said)["packages"]
    assert [line.strip() for line in said.splitlines()[-4:]] == [
        f"git apply {tell.folder}/changes.patch",
        "make venv",
        ".venv/bin/python workflow/start.py runs --cores all --config scale=mini runs=acb3 seeds=0",
        f"sha256sum results/mini/acb3/seed0/checkpoint.pt  # {'ab' * 32}",
    ]
    assert f"git worktree add --detach ../again {'c' * 40} && cd ../again" in said


@pytest.mark.parametrize("wanted", ["ACB#3", "acb#3"])
def test_of_several_rows_that_are_meant_a_list_to_choose_from_is_given(tell, wanted):
    assert tell("table3", wanted).splitlines() == [
        f"table3: '{wanted}' means 2 rows; name one by its key:",
        "  r50_acb3   Res-50+ACB#3: mIoU 51.00 (paper 76.53)",
        "  r101_acb3  Res-101+ACB#3: mIoU not run (paper 77.42)",
    ]


@pytest.mark.parametrize(
    ("table", "row", "method"),
    [
        ("table1", "(δ=5)", "Res-50+GCM (δ=5)"),
        ("table2", "GCM+LCM(2)", "Res-50+GCM+LCM(2)"),
        ("table3", "r101_ohem", "Res-101+ACB#3+MG+DA+OHEM"),  # a key, and the run of the next row too
    ],
)
def test_the_end_of_a_method_after_a_blank_or_plus_means_its_row(tell, table, row, method):
    assert tell(table, row).startswith(f"{table}, {method}: ")


def test_an_unfinished_run_is_said_to_be_what_status_says(tell):
    resume = tell.root / "results/mini/acb2/seed0/resume"
    note(resume, "stopped before its time limit at step 3 of 9; the same command resumes there")
    assert "acb2, seed 0 at scale mini: stopped: stopped before its time limit at step 3" in tell("table3", "acb2")


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
        ("table9", "ACB#3", None, "tables: unknown name 'table9'"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(tell, table, row, column, message):
    with pytest.raises(AcnetError, match=message):
        tell(table, row, column)


def test_the_account_of_a_fine_tuned_cell_tells_validation_from_the_servers_answer(tell):
    before = fields(tell("table4", "acnet", "miou"))
    assert before["test server"] == (
        "gets r101_ohem_trainval, fine-tuned from this run; the number above is this run's validation score"
    )
    answer = tell.root / "results/mini/server/table4.yaml"
    answer.parent.mkdir()
    answer.write_text("miou: 81.5\nnote: example.org\nsubmission: {run: r101_ohem_trainval, seed: 0, sha256: ab12}\n")
    text = tell("table4", "acnet", "miou")
    assert "81.5" in text.splitlines()[0]
    assert fields(text)["test server"] == (
        "the number above is its score of r101_ohem_trainval, fine-tuned from this run, "
        "seed 0, sha256 ab12, example.org"
    )
