"""Tables as files: where each number comes from, and that nothing else moves."""

import csv
import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fabricated import change, write_images

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import interval
from acnet.params.tables import load_tables
from acnet.report.cells import read_cells, table_cells, write_cells
from acnet.report.claims import write_claims
from acnet.report.page import write_page
from acnet.report.results import Results
from acnet.report.tables import write_table
from acnet.report.text import heading


def write_all(campaign) -> dict[str, bytes]:
    for name in campaign.scale.tables:
        write_table(name, campaign.report)
    campaign.claims()
    paths = sorted(path for path in campaign.reports.rglob("*") if path.is_file())
    return {str(path.relative_to(campaign.reports)): path.read_bytes() for path in paths}


def read_csv(campaign, name: str) -> dict[tuple[str, str], dict[str, str]]:
    with open(campaign.reports / "tables" / f"{name}.csv", newline="") as handle:
        return {(row["row"], row["column"]): row for row in csv.DictReader(handle)}


def test_headings_keep_the_names_of_tables_that_a_user_adds():
    named = {"table4": "Table 4", "figure1": "Figure 1", "controls": "Controls", "my_table": "My_table", "LCM": "LCM"}
    assert {name: heading(name) for name in named} == named


def test_altering_one_metrics_file_changes_its_cell_its_difference_and_its_claims(campaign):
    made = campaign(comparable=True)
    before, rows_before = write_all(made), read_csv(made, "table1")
    change(made.results, "gcm_d2_s16", miou=0.7)
    after, rows_after = write_all(made), read_csv(made, "table1")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {*(f"tables/table1.{kind}" for kind in ("csv", "md", "tex")), "cells.csv", "claims.json"}
    differing = {
        (key, field) for key, row in rows_after.items() for field in row if row[field] != rows_before[key][field]
    }
    assert differing == {(("gcm_d2", "os16"), field) for field in ("ours", "values", "difference")}
    assert rows_after["gcm_d2", "os16"]["ours"] == "70.0"
    assert rows_after["gcm_d2", "os16"]["difference"] == "-2.36"
    claims = [{claim["id"]: claim for claim in json.loads(text["claims.json"])["claims"]} for text in (before, after)]
    assert {name for name in claims[0] if claims[0][name] != claims[1][name]} == {"C06", "C07", "C08"}


def test_equal_results_are_equal_bytes_whatever_commit_and_time(campaign):
    made = campaign()
    before = write_all(made)
    for path in made.results.rglob("provenance.json"):
        path.write_text(path.read_text().replace("0123456789", "9876543210").replace("2024", "2025"))
    assert write_all(made) == before


@pytest.mark.parametrize("comparable", [True, False])
def test_csv_markdown_and_latex_agree(campaign, comparable):
    made = campaign(skip=["acb2"], seeds=[0, 1], comparable=comparable)
    for name in made.scale.tables:
        write_table(name, made.report)
        rows = read_csv(made, name)
        digits = load_tables(made.roots["params_root"]).table(name).digits
        expected = [f"{float(row['ours']):.{digits}f}" for row in rows.values() if row["ours"]]
        texts = [(made.reports / "tables" / f"{name}.{suffix}").read_text() for suffix in ("md", "tex")]
        assert re.findall(r"\*\*(\d+\.\d+)\*\*", texts[0]) == expected
        assert re.findall(r"\\textbf\{(\d+\.\d+)\}", texts[1]) == expected
        differences = [f"{float(row['difference']):+.{digits}f}" for row in rows.values() if row["difference"]]
        assert bool(differences) == ("difference" in texts[0]) == comparable
        found = re.findall(r"[+−]\d+\.\d+", texts[0])
        assert [value.replace("−", "-") for value in found] == differences
        for row in rows.values():
            assert not row["paper"] or f"{float(row['paper']):.{digits}f}" in texts[0]
        assert texts[1].count(r"\begin{tabular}") == texts[1].count(r"\end{tabular}") == 1
        assert "not run" in texts[0] or name != "table3"


def test_a_table_says_what_ours_is_measured_on_where_another_dataset_stands_in_for_the_papers(campaign):
    made = campaign(stand_ins={("acb1", "single"): "CamVid, split test"})
    write_all(made)
    texts = {name: (made.reports / "tables" / name).read_text() for name in ("table3.md", "table3.tex", "table5.md")}
    assert [" Ours: CamVid, split test." in text for text in texts.values()] == [True, True, False]


def test_every_form_of_a_number_is_rounded_once_from_its_full_value(campaign):
    made = campaign(tables=["table5"], figures=[], comparable=True)
    change(made.results, "ade_acnet", "multi_flip", miou=0.35514963, pixacc=0.81004963)  # 35.5150 to four decimals
    _, md, tex = write_table("table5", made.report)
    row = read_csv(made, "table5")["r50_acnet", "miou"]
    assert (row["ours"], row["values"], row["difference"]) == ("35.514963", "35.514963", "-7.495037")
    assert "| **35.51** | 43.01 | −7.50 |" in md.read_text() and "**81.00** | 81.01 | −0.01 |" in md.read_text()
    assert r"\textbf{35.51} & 43.01 & $-$7.50" in tex.read_text()
    claims = made.claims()["claims"]
    terms = [term for claim in claims for step in claim["steps"] for term in step["terms"]]
    assert {term["ours"] for term in terms if term["cell"] == "table5.r50_acnet.miou"} == {35.514963}
    page = made.page()
    assert "35.52" not in page and page.count(">35.51<") == 2  # the cell, and the run's score


def test_the_spread_and_the_interval_are_rounded_once(campaign):
    made = campaign(tables=["table2"], figures=[], seeds=[0, 1])
    for seed, miou in enumerate((0.7, 0.7071063)):  # a standard deviation of 0.5024913
        change(made.results, "gcm_lc", seed=seed, miou=miou)
    assert "± 0.50" in write_table("table2", made.report)[1].read_text()
    assert interval(np.array([51.0499963, 51.0499963]), 0.95) == (51.0499963, 51.0499963)


def test_several_seeds_give_mean_spread_and_all_values(campaign):
    made = campaign(seeds=[0, 1, 2], tables=["table2"], figures=[])
    for seed, miou in enumerate((0.70, 0.71, 0.75)):
        change(made.results, "gcm_lc", seed=seed, miou=miou)
    (made.results / "gcm_lcm1/seed2/metrics/single.json").unlink()
    write_table("table2", made.report)
    row = read_csv(made, "table2")["gcm_lc", "miou"]
    assert (row["ours"], row["std"], row["values"]) == ("72.0", "2.645751", "70.0;71.0;75.0")
    assert row["params"].split(";") == [f"mini/gcm_lc/seed{seed}/params.yaml" for seed in (0, 1, 2)]
    assert read_csv(made, "table2")["gcm_lcm1", "miou"]["seeds"] == "0;1"
    assert "**72.00** ± 2.65" in (made.reports / "tables/table2.md").read_text()


def test_cells_are_read_back_as_they_were_written(campaign):
    made = campaign(skip=["acb2"], seeds=[0, 1], tables=["table1", "table3"], figures=[])
    write_images(made.results, "gc_s16", [50, 60, 70, 80])
    write_images(made.results, "gc_s16", [40, 60, 70, 90], seed=1)
    made.claims()
    written = made.evidence().cells
    assert read_cells(made.report) == written
    cell = written["table1", "gc", "os16"]
    assert len(cell.values) == 2 and cell.low < cell.high
    with open(made.reports / "cells.csv", newline="") as handle:
        lines = {(line["table"], line["row"], line["column"]): line for line in csv.DictReader(handle)}
    assert lines["table1", "gc", "os16"]["source"].split() == [
        f"mini/gc_s16/seed{seed}/metrics/single.json" for seed in (0, 1)
    ]
    assert lines["table1", "gc", "os16"]["ours"] == str(cell.ours)
    assert lines["table5", "r50_acnet", "miou"]["ours"] == ""  # a table that the scale lacks


def test_claims_and_page_name_the_file_that_is_not_made_yet(campaign):
    made = campaign(tables=["table1"], figures=[])
    with pytest.raises(AcnetError, match=r"cells.csv: not found; `acnet report cells --scale mini` writes it"):
        write_claims(made.report)
    write_cells(made.report)
    with pytest.raises(AcnetError, match=r"claims.json: not found; `acnet report claims --scale mini` writes it"):
        write_page(made.report)


def test_cells_that_are_not_those_of_the_tables_are_refused(campaign, root, tmp_path):
    made = campaign(tables=["table1"], figures=[])
    assert "Every row has a run of ours beside the paper's number." in made.page()
    made.roots["params_root"] = shutil.copytree(root / "params", tmp_path / "params")
    file = tmp_path / "params/tables.yaml"
    own = "    rows:\n      - {key: mine, method: Mine, ours: {os16: gcm_d5_s16}}\n"
    file.write_text(file.read_text().replace("    rows:\n", own, 1))
    remedy = "`acnet report cells --scale mini` writes it again"
    for write in (write_claims, write_page):
        with pytest.raises(AcnetError, match=f"cells.csv: lacks table1.mine.os16, table1.mine.os8; {remedy}"):
            write(made.report)
    assert "Every row has a run of ours. Our protocol" in made.page()
    whole = (made.reports / "cells.csv").read_bytes()
    for content, said in (
        (whole[:5000], "lacks table4."),
        (b"a,b\n1,2\n", "truncated or corrupt"),
        (b"", "lacks table1.mine.os16"),
    ):
        (made.reports / "cells.csv").write_bytes(content)
        with pytest.raises(AcnetError, match=f"cells.csv: {said}.*; {remedy}"):
            read_cells(made.report)


def test_a_missing_run_is_marked_and_the_rest_stands(campaign):
    made = campaign(skip=["acb2", "r101_ohem"])
    write_all(made)
    rows = read_csv(made, "table3")
    assert [key for (key, _), row in rows.items() if row["state"] == "not run"] == ["r50_acb2", "r101_ohem", "r101_ms"]
    assert rows["r50_acb2", "miou"]["paper"] == "75.98" and rows["r50_acb2", "miou"]["ours"] == ""
    assert rows["r50_acb3", "miou"]["state"] == "measured"
    assert "| Res-50+ACB#2 | 32.96 M | 189 G | not run | 75.98 |" in (made.reports / "tables/table3.md").read_text()


def test_nothing_at_hand_still_gives_every_table(campaign):
    made = campaign()
    made.roots["results_root"] = made.roots["results_root"] / "nowhere"
    write_all(made)
    assert {row["state"] for name in made.scale.tables for row in read_csv(made, name).values()} == {"cited", "not run"}


def test_ms_row_and_flip_come_from_their_own_protocols(campaign):
    made = campaign()
    write_all(made)
    rows = read_csv(made, "table3")
    plain, scaled = rows["r101_ohem", "miou"], rows["r101_ms", "miou"]
    assert (plain["run"], plain["protocol"], plain["beside_protocol"]) == ("r101_ohem", "single", "single_flip")
    assert (scaled["run"], scaled["protocol"], scaled["beside"]) == ("r101_ohem", "multi_flip", "")
    text = (made.reports / "tables/table3.md").read_text()
    assert re.search(rf"\*\*{float(plain['ours']):.2f}\*\* \| [\d.]+ \| {float(plain['beside']):.2f} \|", text)
    flip = json.loads((made.results / "r101_ohem/seed0/metrics/single_flip.json").read_text())
    assert float(plain["beside"]) == pytest.approx(100 * flip["miou"], abs=1e-6)


def test_a_server_cell_shows_validation_until_there_is_a_score(campaign):
    made = campaign(comparable=True)
    write_all(made)
    row = read_csv(made, "table4")["acnet", "miou"]
    validation = json.loads((made.results / "r101_ohem/seed0/metrics/multi_flip.json").read_text())
    assert row["ours"] == row["validation"] == str(round(100 * validation["miou"], 6))
    assert (row["measured_on"], row["fine_tuned"]) == ("val, before fine-tuning", "r101_ohem_trainval")
    assert "before it is fine-tuned as r101_ohem_trainval" in (made.reports / "tables/table4.md").read_text()
    server = made.results / "server/table4.yaml"
    server.parent.mkdir()
    server.write_text("miou: 81.5\nper_class: {road: 98.5}\n")
    write_all(made)
    rows = read_csv(made, "table4")
    assert (rows["acnet", "miou"]["ours"], rows["acnet", "miou"]["difference"]) == ("81.5", "-0.8")
    assert rows["acnet", "miou"]["measured_on"] == "test server"
    assert rows["acnet", "road"]["ours"] == "98.5"
    assert rows["acnet", "wall"]["measured_on"] == "val, before fine-tuning"
    said = "ours for mIoU, road is the test server's score of r101_ohem_trainval, elsewhere that of r101_ohem on "
    assert said in (made.reports / "tables/table4.md").read_text()
    server.write_text("miuo: 81.5\n")
    with pytest.raises(AcnetError, match=r"table4.yaml: scores: unknown key 'miuo'; did you mean 'miou'"):
        write_all(made)


def test_a_class_that_never_occurs_is_no_missing_run(campaign):
    made = campaign(tables=["table4"], figures=[])
    stored = json.loads((made.results / "r101_ohem/seed0/metrics/multi_flip.json").read_text())
    change(made.results, "r101_ohem", "multi_flip", class_iou=stored["class_iou"] | {"train": None})
    write_table("table4", made.report)
    assert read_csv(made, "table4")["acnet", "train"]["state"] == "no value"
    text = (made.reports / "tables/table4.md").read_text()
    assert "not run" not in text
    assert "a dash marks a number that the dataset does not give, or a class that occurs neither" in text


def test_a_group_of_classes_has_the_mean_of_their_iou_and_needs_each_of_them(campaign):
    made = campaign(tables=["groups"], figures=[])
    groups = {"cue": ["road", "sidewalk"], "xor": ["road", "no such class"]}
    made.scale = dataclasses.replace(made.scale, class_groups={"fcn_s16": groups})
    # In each image, half of the road is taken for sidewalk, so that each bootstrap sample has IoUs of 50 and 0.
    write_images(made.results, "fcn_s16", [50, 50, 50])
    iou = json.loads((made.results / "fcn_s16/seed0/metrics/single.json").read_text())["class_iou"]
    change(made.results, "fcn_s16", class_iou=iou | {"road": 0.5, "sidewalk": 0.1})
    results = Results(made.scale, made.roots["results_root"])
    found = table_cells("groups", load_tables(made.roots["params_root"]).table("groups"), results)
    assert (found["groups", "fcn", "cue"].ours, found["groups", "fcn", "cue"].interval) == (30, (25, 25))
    assert found["groups", "fcn", "xor"].state == "no value"


def test_metrics_use_each_tables_own_measure(campaign):
    made = campaign()
    tables, results = load_tables(made.roots["params_root"]), Results(made.scale, made.roots["results_root"])
    for name, run, metric in (("table6", "ade_r101_acnet", "final_score"), ("table7", "context_r101_acnet", "miou60")):
        ours = [cell for cell in table_cells(name, tables.table(name), results).values() if cell.run]
        stored = json.loads((made.results / run / "seed0/metrics/multi_flip.json").read_text())
        assert [cell.ours for cell in ours] == [pytest.approx(100 * stored[metric], abs=1e-4)]


@pytest.mark.parametrize(
    ("key", "value"), [("run", "gc_s8"), ("seed", 1), ("scale", "camvid"), ("protocol", {"name": "single_flip"})]
)
def test_a_metrics_file_in_the_wrong_place_is_refused(campaign, key, value):
    made = campaign(tables=["table1"], figures=[])
    path = made.results / "gc_s16/seed0/metrics/single.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(AcnetError, match=rf"gc_s16/seed0/metrics/single.json: {key} is .*; move it away and run again"):
        write_table("table1", made.report)
    assert not Path(made.reports / "tables").exists()


@pytest.mark.parametrize("text", ["{}", "[]"])
def test_a_file_without_what_the_report_reads_is_refused_by_name(campaign, text):
    made = campaign(tables=["table1"], figures=[])
    made.claims()
    (made.reports / "claims.json").write_text(text)
    with pytest.raises(AcnetError, match=r"mini/claims.json: lacks title, rule, counts, claims; move it away"):
        write_page(made.report)
    (made.results / "gc_s16/seed0/metrics/single.json").write_text(text)
    with pytest.raises(AcnetError, match=r"metrics/single.json: lacks scale, run, seed, protocol; move it away"):
        write_cells(made.report)


def test_seeds_measured_by_different_versions_of_a_protocol_have_no_mean(campaign):
    made = campaign(tables=["table1"], figures=[], seeds=[0, 1, 2])
    for seed in (0, 1, 2):
        change(made.results, "gc_s16", seed=seed, protocol_hash="ab" if seed < 2 else "cd")
    said = r"mini/gc_s16: seeds 1 and 2 were measured with different settings of protocol 'single' \(protocol_hash\)"
    with pytest.raises(AcnetError, match=f"{said}; evaluate gc_s16 again"):
        write_cells(made.report)


def test_a_table_that_the_scale_lacks_is_refused(campaign):
    made = campaign(tables=["table1"], figures=[])
    with pytest.raises(AcnetError, match="scale mini: it has no table5; it has table1"):
        write_table("table5", made.report)
