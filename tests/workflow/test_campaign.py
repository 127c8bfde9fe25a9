"""The whole chain, from nothing to the page, and what a change makes again."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import counted, files_below, outputs

NAME = "gcm_d20_s16"


@pytest.fixture
def copy(campaign, tmp_path):
    """The finished campaign, to be spoilt."""
    folder = tmp_path / "copy"
    shutil.copytree(campaign.folder, folder, symlinks=True)
    return type(campaign)(folder)


def cells(folder: Path, table: str) -> list[dict]:
    with open(folder / f"reports/mini/tables/{table}.csv", newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_table_figure_and_the_page_are_made(campaign):
    made = campaign.folder / "reports/mini"
    for number in range(1, 9):
        for kind in ("csv", "md", "tex"):
            assert (made / f"tables/table{number}.{kind}").stat().st_size > 100
    for name in ("figure1", "figure4", "figure5", "forest", "curves", "factors", "gates", "gates_runs"):
        assert (made / f"figures/{name}.png").stat().st_size > 5000
    assert "not run" not in (made / "tables/table1.md").read_text()
    assert len(list((campaign.folder / "results/mini").glob("*/seed0/checkpoint.pt"))) == 28


def test_a_second_run_has_nothing_to_do(campaign):
    assert "Nothing to be done" in campaign.snakemake("--cores", "2").stdout


def test_a_finished_campaign_has_nothing_to_do_on_a_cluster_either(campaign):
    assert not campaign.planned("--workflow-profile", "workflow/profiles/slurm")


def test_a_fine_tuned_network_is_never_scored(campaign):
    for run in ("r101_ohem_trainval", "ade_r101_acnet_trainval"):
        assert not (campaign.folder / f"results/mini/{run}/seed0/metrics").exists()


def test_one_altered_metrics_file_changes_its_cells_and_claims_and_nothing_else(copy):
    before = {name: cells(copy.folder, name) for name in (f"table{n}" for n in range(1, 9))}
    files = files_below(copy.folder / "reports/mini")
    metrics = copy.folder / "results/mini/gc_s8/seed0/metrics/single.json"
    values = json.loads(metrics.read_text())
    values["miou"] = 0.123456
    metrics.write_text(json.dumps(values, indent=1))
    done = copy.snakemake("--cores", "2")
    assert counted(done.stdout) == {"table": 1, "cells": 1, "claims": 1, "forest": 1, "page": 1, "all": 1}
    made = files_below(copy.folder / "reports/mini")
    changed = {name for name in files.keys() | made.keys() if files.get(name) != made.get(name)}
    assert changed == {
        *(f"tables/table1.{kind}" for kind in ("csv", "md", "tex")),
        "cells.csv",
        "claims.json",
        "figures/forest.png",
        "figures/forest.pdf",
        "index.html",
    }
    after = cells(copy.folder, "table1")
    different = [(old, new) for old, new in zip(before["table1"], after, strict=True) if old != new]
    assert len(different) == 1
    old, new = different[0]
    assert (new["row"], new["column"], new["ours"]) == ("gc", "os8", "12.3456")
    assert {key for key in new if old[key] != new[key]} == {"ours", "values"}


def test_editing_what_a_run_does_not_use_makes_nothing_again(copy):
    entry = "output_stride: 8, global_context: none, local_context: none, blocks: 1"
    copy.edit("params/runs.yaml", entry + "}", entry + ", delta: 3.0, reuse: 2, ohem_keep: 0.5, save_minutes: 1.0}")
    copy.edit(
        "params/scales/mini.yaml",
        "single: {base_size: null, window: 64, batch: 8}",
        "single: {base_size: null, window: 64}",
    )
    assert not [file for file in copy.jobs() if file.startswith("results/")]


def test_new_time_stamps_of_the_same_files_make_nothing_again(copy):
    for checkpoint in (copy.folder / "results/mini").glob("*/seed0/checkpoint.pt"):
        checkpoint.touch()
    assert not copy.jobs()


def test_editing_where_a_dataset_is_found_makes_nothing_again_and_its_blocks_redraw(copy):
    folders = "  folders: [data/raw/mini_cityscapes"
    copy.edit("params/datasets.yaml", f"{folders}]", f"{folders}, /srv/mini]\n  get: ask the librarian")
    assert not copy.jobs()
    copy.edit("params/datasets.yaml", f"{folders}, /srv/mini]", f"{folders}, /srv/mini]\n  blocks: ^([a-z]+)")
    made = copy.jobs()
    assert {"reports/mini/tables/table1.csv", "reports/mini/claims.json"} <= made
    assert not [file for file in made if not file.startswith("reports/")]


def test_editing_one_run_trains_it_and_what_is_fine_tuned_from_it(campaign, copy):
    entry = "ade_r101_acnet: {dataset: ade20k, role: r101"
    copy.edit("params/runs.yaml", entry + "}", entry + ", delta: 3.0}")
    run, tuned = "results/mini/ade_r101_acnet/seed0", "results/mini/ade_r101_acnet_trainval/seed0"
    expected = {f"{folder}/{file}" for folder in (run, tuned) for file in ("params.yaml", "checkpoint.pt")}
    made = copy.jobs()
    measured = {f"{run}/metrics/{protocol}.json" for protocol in ("multi_flip", "single")}  # the latter with gates
    assert {file for file in made if file.startswith("results/")} == expected | measured
    drawn = {"reports/mini/tables/table5.csv", "reports/mini/tables/table6.csv"}
    drawn |= {f"reports/mini/{file}" for file in ("cells.csv", "claims.json", "index.html")}
    drawn |= {f"reports/mini/figures/{file}.png" for file in ("forest", "curves", "gates")}
    assert {file for file in made if file.startswith("reports/")} == drawn
    assert campaign.planned() == {}


def test_changing_a_protocol_measures_again_without_training(copy):
    entry = "multi_flip: {base_size: null, window: "
    copy.edit("params/scales/mini.yaml", entry + "96", entry + "80")
    planned = copy.planned()
    assert planned["train"] == 0 and planned["resolve"] == 0
    assert planned["evaluate"] == 6
    assert planned["table"] == 6  # Tables 3 to 8 have multi-scale cells


def test_changing_a_tables_entry_draws_that_table_the_claims_and_the_page(copy):
    copy.edit("params/tables.yaml", "title: COCO Stuff 10k test", "title: COCO-Stuff 10k test")
    assert copy.planned() == {"table": 1, "cells": 1, "claims": 1, "forest": 1, "page": 1, "all": 1}


def test_report_draws_what_is_at_hand_with_a_servers_score_and_a_lost_checkpoint_is_noticed(copy):
    shutil.rmtree(copy.folder / "results/mini/acb2")
    server = copy.folder / "results/mini/server/table6.yaml"
    server.parent.mkdir(parents=True)
    server.write_text("final_score: 54.32\n")
    assert counted(copy.snakemake("--cores", "2", "report").stdout)["train"] == 0
    assert "not run" in (copy.folder / "reports/mini/tables/table3.md").read_text()
    assert "not run" not in (copy.folder / "reports/mini/tables/table1.md").read_text()
    assert "54.32" in (copy.folder / "reports/mini/tables/table6.md").read_text()
    (copy.folder / "results/mini/fcn_lc/seed0/checkpoint.pt").unlink()  # which no table reads
    assert copy.planned()["train"] == 2


def test_snakemakes_own_report_is_made(campaign):
    campaign.snakemake("--report", "snakemake.html")
    text = (campaign.folder / "snakemake.html").read_text()
    (campaign.folder / "snakemake.html").unlink()
    assert "table1.csv" in text and "figure4.png" in text


# The README's example of an ablation of one's own: one entry, one row, and just its own jobs.
@pytest.fixture
def written(root):
    """The two YAML lines that the README asks for: the run's entry and the table's row."""
    blocks = re.findall(r"^```yaml\n(.*)\n```$", (root / "README.md").read_text(), re.MULTILINE)
    (entry,) = [block for block in blocks if block.startswith(f"{NAME}:")]
    (row,) = [block for block in blocks if "- {key:" in block and NAME in block]
    return entry, row


def add_row(project, row):
    """Put the row below the last one of Table 1."""
    project.edit("params/tables.yaml", "\n\n  table2:", f"\n{row}\n\n  table2:")


def test_a_run_and_a_row_add_their_own_jobs_and_redraw_one_table(copy, written):
    entry, row = written
    with open(copy.folder / "params/runs.yaml", "a") as file:
        file.write(f"\n{entry}\n")
    assert copy.planned() == {}
    assert copy.planned("runs", "--config", f"runs={NAME}") == {"resolve": 1, "train": 1, "gates": 1, "runs": 1}

    add_row(copy, row)
    assert copy.planned("table2") == {}
    once = (
        "resolve",
        "train",
        "evaluate",
        "gates",
        "gates_figure",
        "table",
        "cells",
        "claims",
        "forest",
        "page",
        "all",
    )
    # The page also shows the training curves of every run.
    text = copy.snakemake("-n").stdout
    assert {rule: count for rule, count in counted(text).items() if rule != "curves"} == dict.fromkeys(once, 1)
    made = {file for file in outputs(text) if file.startswith("results/") or "/tables/" in file}
    assert made == {
        f"results/mini/{NAME}/seed0/params.yaml",
        f"results/mini/{NAME}/seed0/checkpoint.pt",
        f"results/mini/{NAME}/seed0/metrics/single.json",
        f"results/mini/{NAME}/seed0/metrics/single_flip.json",
        "reports/mini/tables/table1.csv",
    }

    copy.snakemake("--cores", "2", "table1")
    found = {(cell["row"], cell["column"]): cell for cell in cells(copy.folder, "table1")}
    assert 0 < float(found["gcm_d20", "os16"]["ours"]) < 100
    assert found["gcm_d20", "os16"]["paper"] == ""
    assert "(δ=20)" in (copy.folder / "reports/mini/tables/table1.md").read_text()


def test_a_row_without_its_run_is_refused_with_file_and_key(project, written):
    add_row(project, written[1])
    done = project.snakemake("-n", check=False)
    assert done.returncode != 0
    said = f"params/tables.yaml: table1: run: unknown name '{NAME}'; did you mean 'gcm_d2_s16'?"
    assert said in done.stdout.splitlines()
    assert "Traceback" not in done.stdout
