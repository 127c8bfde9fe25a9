"""params/tables.yaml and params/claims.yaml against the paper's facts, and their mistakes."""

import itertools
import shutil

import numpy as np
import pytest
import yaml
from fabricated import MINI

from acnet.errors import AcnetError
from acnet.params.claims import load_claims
from acnet.params.heads import load_heads
from acnet.params.tables import check_names, load_tables
from acnet.report.cells import all_cells
from acnet.report.checks import Evidence, cell_steps
from acnet.report.results import Results


def test_every_number_of_the_paper_is_the_papers(tables, shared):
    facts = yaml.safe_load((shared("paper") / "tables.yaml").read_text())
    assert [name for name in tables.tables if name not in facts] == ["controls", "pooling", "groups", "peers"]
    for name, table in tables.tables.items():
        if table.on_request:
            continue
        printed = {row["key"]: row for row in facts[name]["rows"] + facts[name].get("text_only", [])}
        assert {row.key for row in table.rows} == set(printed)
        for row in table.rows:
            fact = printed[row.key]
            known = {key: value for key, value in fact.items() if key in table.columns}
            assert row.paper == known, (name, row.key)
            assert row.per_class == fact.get("per_class"), (name, row.key)
            assert row.ref == (fact.get("ref") if isinstance(fact.get("ref"), int) else None), (name, row.key)
    assert tables.tables["table4"].per_class == facts["table4"]["classes"]


def test_the_papers_tables_and_figures_need_28_networks_and_those_on_request_18_more_each(tables, root):
    names = [
        name for name in [*tables.tables, *tables.figures] if name not in ("controls", "pooling", "groups", "peers")
    ]
    assert len(tables.trained(names)) == 28
    assert len(set(tables.trained(["controls"])) - set(tables.trained(names))) == 18
    assert len(set(tables.trained(["peers"])) - set(tables.trained([*names, "controls"]))) == 17
    assert set(load_heads(root / "params")) < set(tables.trained(["peers"]))
    runs, protocols = (yaml.safe_load((root / f"params/{name}.yaml").read_text()) for name in ("runs", "protocols"))
    check_names(tables, runs, protocols)
    assert ("r101_ohem", "multi_flip") in tables.table("table3").sources()
    assert ("r101_ohem_trainval", "multi_flip") not in tables.table("table4").sources()
    assert tables.table("table4").fine_tuned() == ["r101_ohem_trainval"]
    assert tables.figure("figure1").sources() == [
        ("fcn_lc", "single"),
        ("fcn_s16", "single"),
        ("gc_s16", "single"),
    ]
    assert tables.figure("figure4").example_runs() == ["acb3", "fcn_s16"]


def test_the_claims_are_the_papers_and_state_its_differences(tables, root, shared):
    facts = {claim["id"]: claim for claim in yaml.safe_load((shared("paper") / "claims.yaml").read_text())["claims"]}
    claims = load_claims(root / "params", tables)
    assert list(facts) == [name for name in claims if name in facts] and len(facts) == 38
    results = Results(MINI, root / "no-results")
    evidence = Evidence(tables, all_cells(tables, results), results)
    compared = 0
    for name in facts:
        claim, expected = claims[name], _amounts(facts[name]["expect"])
        if claim.check not in ("greater", "best", "monotone", "more_gain", "equal") or not expected:
            continue
        stated = [step.paper for step in cell_steps(claim, evidence)]
        if claim.check == "monotone":
            expected = facts[name]["expect"]["steps"]
        if name == "C07":
            stated = [min(stated[:3]), min(stated[3:])]
        if claim.check == "best":  # a step for each rival; the paper's margin is that over the runner-up
            stated = np.reshape(stated, (len(claim.cells), -1)).min(axis=1).tolist()
        assert stated == pytest.approx(expected), name
        compared += 1
    assert compared == 30


def _amounts(expect):
    amount = expect["amount"]
    values = amount.values() if isinstance(amount, dict) else [amount]
    return [value for value in values if isinstance(value, int | float)]


def test_unknown_runs_and_protocols_are_named_with_the_nearest(tables):
    runs = tables.trained([*tables.tables, *tables.figures])
    with pytest.raises(AcnetError, match="table1: run: unknown name 'gc_s16'; did you mean 'gc_16'"):
        check_names(tables, [run.replace("gc_s16", "gc_16") for run in runs], ["single", "single_flip", "multi_flip"])
    with pytest.raises(AcnetError, match="table1: protocol: unknown name 'single_flip'"):
        check_names(tables, runs, ["single", "multi_flip"])


def test_a_row_of_ones_own_is_one_line(root, tmp_path):
    shutil.copy(root / "params/claims.yaml", tmp_path)
    lines = (root / "params/tables.yaml").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "key: gcm_d10," in line)
    lines.insert(at + 1, "      - {key: mine, method: Mine, ours: {os16: my_run}}")
    (tmp_path / "tables.yaml").write_text("\n".join(lines))
    table = load_tables(tmp_path).table("table1")
    assert table.sources() == sorted([*load_tables(root / "params").table("table1").sources(),
                                      *itertools.product(["my_run"], ["single", "single_flip"])])  # fmt: skip
    assert table.paper(table.row("mine"), "os16") is None
