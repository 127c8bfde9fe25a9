"""The README's example of an ablation of one's own: one entry, one row, and just its own jobs."""

import csv
import re
import shutil

import pytest

NAME = "gcm_d5_s16_conv1x1"
FOLDER = f"results/mini/{NAME}/seed0"


@pytest.fixture
def written(root):
    """The two YAML lines that the README asks for: the run's entry and the table's row."""
    blocks = re.findall(r"^```yaml\n(.*)\n```$", (root / "README.md").read_text(), re.MULTILINE)
    (entry,) = [block for block in blocks if block.startswith(f"{NAME}:")]
    (row,) = [block for block in blocks if "- {key:" in block and NAME in block]
    return entry, row


@pytest.fixture
def copy(campaign, tmp_path):
    """The finished campaign, to be added to."""
    return type(campaign)(shutil.copytree(campaign.folder, tmp_path / "copy", symlinks=True))


def add_run(project, entry):
    with open(project.folder / "params/runs.yaml", "a") as file:
        file.write(f"\n{entry}\n")


def add_row(project, row):
    """Put the row below the last one of Table 1."""
    project.edit("params/tables.yaml", "\n\n  table2:", f"\n{row}\n\n  table2:")


def test_a_run_and_a_row_add_their_own_jobs_and_redraw_one_table(copy, written):
    entry, row = written
    add_run(copy, entry)
    assert copy.planned() == {}
    assert copy.planned("runs", "--config", f"runs={NAME}") == {"resolve": 1, "train": 1, "runs": 1}

    add_row(copy, row)
    assert copy.planned("table2") == {}
    planned = {
        "resolve": 1,
        "train": 1,
        "evaluate": 1,
        "gates": 1,
        "gates_figure": 1,
        "table": 1,
        "cells": 1,
        "claims": 1,
        "forest": 1,
        "page": 1,
        "all": 1,
    }
    # The page also shows the training curves of every run.
    assert {rule: count for rule, count in copy.planned().items() if rule != "curves"} == planned
    made = {file for file in copy.jobs() if file.startswith("results/") or "/tables/" in file}
    assert made == {
        f"{FOLDER}/params.yaml",
        f"{FOLDER}/checkpoint.pt",
        f"{FOLDER}/metrics/single.json",
        f"{FOLDER}/metrics/single_flip.json",
        "reports/mini/tables/table1.csv",
    }

    copy.snakemake("--cores", "2", "table1")
    with open(copy.folder / "reports/mini/tables/table1.csv", newline="") as file:
        cells = {(cell["row"], cell["column"]): cell for cell in csv.DictReader(file)}
    assert 0 < float(cells["gcm_conv1x1", "os16"]["ours"]) < 100
    assert cells["gcm_conv1x1", "os16"]["paper"] == ""
    assert "bare 1x1" in (copy.folder / "reports/mini/tables/table1.md").read_text()


def test_a_row_without_its_run_is_refused_with_file_and_key(project, written):
    add_row(project, written[1])
    done = project.snakemake("-n", check=False)
    assert done.returncode != 0
    said = f"params/tables.yaml: table1: run: unknown name '{NAME}'; did you mean 'gcm_d5_s16'?"
    assert said in done.stdout.splitlines()
    assert "Traceback" not in done.stdout
