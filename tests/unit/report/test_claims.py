"""Verdicts: each form of check, seeds, and what is missing."""

import dataclasses
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from fabricated import change, write_gates, write_images, write_parts
from scipy import stats

from acnet.data.classes import load
from acnet.evaluate.bootstrap import drawn
from acnet.evaluate.counts import Counts, ImageCounts, write_counts
from acnet.params.tables import Tables, load_tables
from acnet.report.claims import judge_claims

SEEDS = [0, 1, 2, 3]
NEAR = (-0.0005, 0.0, 0.0, 0.0005)  # what seeds add to a score: differences of two deviate by 0.07 points


@pytest.fixture
def verdict(campaign):
    """A function from claim and mean scores {run: mIoU by `single`} of four seeds to (verdict, margins in points)."""
    made = campaign(tables=["table1", "table2", "table3"], figures=[], seeds=SEEDS)

    def decide(name, scores, spread=NEAR):
        for number, (run, miou) in enumerate(scores.items()):
            for seed, extra in zip(SEEDS, np.roll(spread, number), strict=True):
                change(made.results, run, seed=seed, miou=miou + extra)
        found = judged(made, name)
        return found.verdict, [step.ours for step in found.steps]

    return decide


def judged(made, name, entries=None, **changes):
    found = judge_claims(made.roots["params_root"], made.evidence(entries, **changes))
    (claim,) = [SimpleNamespace(**one) for one in found if one["id"] == name]
    claim.steps = [SimpleNamespace(**step) for step in claim.steps]
    return claim


def judge(made, name, **changes):
    found = judged(made, name, **changes)
    return found.verdict, [step.ours for step in found.steps], found.reason


def steps_of(made, name):
    return judged(made, name).steps


@pytest.mark.parametrize(
    ("gcm", "expected"),
    [(0.71, "held"), (0.701, "equivalent"), (0.699, "equivalent"), (0.69, "contradicted")],
)
def test_greater(verdict, gcm, expected):
    found, margins = verdict("C01", {"gcm_d5_s16": gcm, "gc_s16": 0.70})
    assert found == expected and margins == [pytest.approx(100 * (gcm - 0.70))]


def test_networks_measured_with_other_settings_are_not_compared(campaign):
    made = campaign(tables=["table1"], figures=[])
    change(made.results, "gc_s16", protocol={"name": "single", "flip": True})
    verdict, _, reason = judge(made, "C01")
    assert (verdict, reason) == ("not measured", "measured with different settings, evaluate again: gc_s16 (single)")


def test_a_primary_claim_of_which_the_scale_shows_a_part_counts_in_holms_procedure(campaign, root, tmp_path):
    params = shutil.copytree(root / "params", tmp_path / "params")
    claims = (params / "claims.yaml").read_text()
    cells = "cells: [[table1.gcm_d5.os16, table1.gc.os16]"
    (params / "claims.yaml").write_text(
        claims.replace(f"{cells}]", f"{cells}, [table4.acnet.miou, table4.danet.miou]]")
    )
    made = campaign(tables=["table1", "table2", "table3"], figures=[], seeds=SEEDS)
    judged = judge_claims(params, made.evidence())
    (own,) = [claim for claim in judged if claim["id"] == "C01"]
    assert own["level"] < 0.05 and own["verdict"] == "not measured"


def test_an_undecided_claim_states_the_seeds_that_would_decide_the_papers_difference(verdict, campaign):
    wide = [18 * extra for extra in NEAR]
    assert verdict("C02", {"gcm_d5_s8": 0.71, "gc_s8": 0.70}, wide)[0] == "undecided"
    made = campaign(tables=["table1"], figures=[], seeds=[0, 1, 2])
    for seed, gain in enumerate((0.03, -0.01, 0.01)):  # 1.0 on average, with a deviation of 2.0 points
        change(made.results, "gcm_d5_s8", seed=seed, miou=0.7 + gain)
        change(made.results, "gc_s8", seed=seed, miou=0.7)
    (step,) = steps_of(made, "C02")
    assert step.interval == pytest.approx(tuple(1 + 4.302653 * 2 / 3**0.5 * side for side in (-1, 1)), rel=1e-5)
    power = {
        n: stats.nct.sf(stats.t.isf(0.025, n - 1), n - 1, 1.73 / 2 * n**0.5) for n in (step.needed - 1, step.needed)
    }
    assert step.paper == pytest.approx(1.73) and power[step.needed - 1] < 0.8 <= power[step.needed]
    assert step.needed > 3 and f", {step.needed} seeds needed to detect the paper&#39;s difference)" in made.page()
    for seed in range(3):  # less spread: three seeds would do, of which these have found nothing
        change(made.results, "gcm_d5_s8", seed=seed, miou=0.7 + (0.009, -0.001, 0.004)[seed])
    page = made.page()
    assert (
        steps_of(made, "C02")[0].needed == 3
        and "3 seeds needed" not in page[page.index('id="C02"') :].split("</tr>")[0]
    )


def test_one_seed_decides_no_difference(campaign):
    made = campaign(comparable=True)
    for run, miou in {"gcm_d5_s16": 0.9, "gc_s16": 0.1}.items():
        change(made.results, run, miou=miou)
    found = judged(made, "C01")
    assert (found.verdict, found.p, found.steps[0].ours) == ("not judged (one seed)", None, pytest.approx(80))
    sure = {one["verdict"] for one in made.claims()["claims"] if one["kind"] != "by construction"}
    assert sure == {"not judged (one seed)", "not measured"}


def test_differences_are_taken_seed_by_seed_over_the_seeds_that_both_have(campaign):
    made = campaign(tables=["table1"], figures=[], seeds=[0, 1, 2])
    for seed, miou in enumerate((0.5, 0.66, 0.7)):
        change(made.results, "gcm_d5_s8", seed=seed, miou=miou + 0.01)
        change(made.results, "gc_s8", seed=seed, miou=miou)
    (step,) = steps_of(made, "C02")
    assert step.seeds == pytest.approx((1, 1, 1)) and step.verdict == "held"  # though the scores differ by 20 points
    (made.results / "gc_s8/seed1/metrics/single.json").unlink()
    (step,) = steps_of(made, "C02")
    # The numbers behind it are those of the same seeds, though the run without a gap has three.
    assert len(step.seeds) == 2 and [term["ours"] for term in step.terms] == pytest.approx([61, 60])
    for seed in (0, 2):
        (made.results / f"gcm_d5_s8/seed{seed}/metrics/single.json").unlink()
    assert judge(made, "C02")[0::2] == ("not measured", "its runs have no seed in common")


def test_primary_claims_are_corrected_for_all_that_the_scale_can_have(campaign):
    made = campaign(tables=["table1"], figures=[], seeds=SEEDS)
    for run in ("gcm_d5_s16", "gcm_d5_s8", "gc_s16", "gc_s8", "fcn_s16", "fcn_s8"):
        for seed, extra in enumerate((0.005, 0.008, 0.011, 0.014)):
            miou = 0.7 + extra * run.startswith("gcm")
            change(made.results, run, seed=seed, miou=miou)
    primary, other = judged(made, "C01"), judged(made, "C02")
    # The same differences: C01 is one of the five primary claims of Table 1 and of the gates, C02 is none.
    assert (primary.verdict, other.verdict) == ("undecided", "held") and 0.01 < other.p < 0.05
    assert primary.level == pytest.approx(0.05 / 5) and primary.p == pytest.approx(5 * other.p)
    assert judged(made, "C09").reason == "this scale leaves out Table 2"


def test_greater_asks_for_every_pair(verdict):
    good = {"gc_s16": 0.7, "fcn_s16": 0.6, "gc_s8": 0.7, "fcn_s8": 0.6}
    assert verdict("C04", good)[0] == "held"
    assert verdict("C04", good | {"gc_s8": 0.601})[0] == "undecided"
    assert verdict("C04", good | {"gc_s8": 0.5})[0] == "contradicted"


def test_best_is_above_every_other_of_ours(verdict):
    column8 = {"gcm_d5_s8": 0.6, "gcm_d2_s8": 0.5, "gcm_d10_s8": 0.5}
    found, margins = verdict("C06", column8 | {"gcm_d5_s16": 0.65, "gcm_d2_s16": 0.60, "gcm_d10_s16": 0.63})
    assert found == "held" and margins == pytest.approx([5, 2, 10, 10])
    assert verdict("C06", {"gcm_d5_s16": 0.65, "gcm_d10_s16": 0.649})[0] == "undecided"
    assert verdict("C06", {"gcm_d5_s16": 0.65, "gcm_d10_s16": 0.70})[0] == "contradicted"


def test_monotone_asks_for_every_step(verdict):
    rising = {"gcm_lcm1": 0.60, "gcm_lcm2": 0.62, "acb1": 0.64}
    assert verdict("C11", rising) == ("held", [pytest.approx(2.0), pytest.approx(2.0)])
    assert verdict("C11", rising | {"acb1": 0.621})[0] == "undecided"
    assert verdict("C11", rising | {"acb1": 0.60})[0] == "contradicted"


def test_more_gain_is_a_difference_of_differences(verdict):
    scores = {"gcm_d5_s8": 0.70, "gc_s8": 0.65, "gcm_d5_s16": 0.64, "gc_s16": 0.62}
    assert verdict("C03", scores) == ("held", [pytest.approx(3.0)])
    assert verdict("C03", scores | {"gc_s8": 0.70})[0] == "contradicted"


def test_equal_is_exact(campaign, root, tmp_path):
    made = campaign()
    assert judge(made, "C13")[:2] == ("held", [0.0])  # one run fills both cells
    made.roots["params_root"] = shutil.copytree(root / "params", tmp_path / "params")
    for name in ("tables", "claims"):
        text = (root / f"params/{name}.yaml").read_text()
        text = text.replace("lcm3.miou, table3.r50_acb1", "lcm3.miou, table3.r50_acb2")
        (tmp_path / f"params/{name}.yaml").write_text(text)
    assert judge(made, "C13")[0] == "contradicted"


def test_cited_numbers_count_only_where_the_scale_can_be_compared(campaign):
    made = campaign(tables=["table8"], figures=[], seeds=[0, 1])
    for seed, miou in enumerate((0.449, 0.451)):
        change(made.results, "stuff_r101_acnet", "multi_flip", seed=seed, miou=miou)
    reason = "the paper's absolute numbers are not comparable at this scale"
    assert judge(made, "C30")[0::2] == ("not measured", reason)
    # Of the cited numbers only the best one counts, and is exact.
    assert judge(made, "C30", comparable=True)[:2] == ("held", [pytest.approx(5.3)])
    for seed, miou in enumerate((0.299, 0.301)):
        change(made.results, "stuff_r101_acnet", "multi_flip", seed=seed, miou=miou)
    assert judge(made, "C30", comparable=True)[0] == "contradicted"


def test_test_sets_wait_for_the_server_whose_score_is_that_of_one_seed(campaign):
    made = campaign(comparable=True, tables=["table4", "table5"], figures=[], seeds=[0, 1])
    assert judge(made, "C20")[0::2] == ("not measured", "needs the test server's score")
    (made.results / "server").mkdir()
    (made.results / "server/table4.yaml").write_text("miou: 82.5\n")
    assert judge(made, "C20")[:2] == ("not judged (one seed)", [pytest.approx(1.0)])


@pytest.mark.parametrize(
    ("miou", "expected"), [(0.46, "held"), (0.456, "held"), (0.454, "undecided"), (0.44, "contradicted")]
)
def test_reached_is_not_below_the_paper_by_the_margin(campaign, miou, expected):
    made = campaign(comparable=True, tables=["table4", "table5"], figures=[], seeds=SEEDS)
    for seed, extra in enumerate(NEAR):
        change(made.results, "ade_r101_acnet", "multi_flip", seed=seed, miou=miou + extra)
    assert steps_of(made, "C31")[1].verdict == expected
    assert steps_of(made, "C31")[1].ours == pytest.approx(100 * miou - 45.90)


def test_counting_classes(campaign, root):
    made = campaign(comparable=True, tables=["table4"], figures=[], seeds=[0, 1])
    tables = load_tables(root / "params")
    table = tables.table("table4")
    own = table.row("acnet")
    rows = [dataclasses.replace(row, server=None) if row is own else row for row in table.rows]
    tables = Tables({**tables.tables, "table4": dataclasses.replace(table, rows=rows)}, tables.figures)
    printed = dict(zip(table.per_class, own.per_class, strict=True))

    def found(extra, **seeds):
        for seed, more in enumerate((-extra, extra)):
            iou = {name: (value + more + seeds.get(name, 0)) / 100 for name, value in printed.items()}
            change(made.results, own.run("miou"), table.row_protocol(own), seed=seed, class_iou=iou)
        (step,) = judged(made, "C23", tables).steps
        return step.verdict, step.ours, step.interval

    assert found(0.0) == ("held", 15, (15, 15))
    # Sky's lead of 0.3 is far less than what two seeds leave open at a nineteenth of the level.
    verdict, count, (sure, possible) = found(0.05)
    assert (verdict, count) == ("undecided", 15) and sure < 15 < possible
    assert found(0.0, road=-1.0) == ("contradicted", 14, (14, 14))


def test_a_missing_run_is_named_but_a_contradicted_pair_decides(campaign):
    made = campaign(skip=["gcm_d10_s8", "acb2"], seeds=[0, 1], tables=["table1", "table3"], figures=[])
    assert judge(made, "C12")[0::2] == ("not measured", "not run: acb2 (single)")
    for seed in (0, 1):
        for run, miou in {"gcm_d2_s16": 0.5, "gc_s16": 0.6}.items():
            change(made.results, run, seed=seed, miou=miou)
    assert judge(made, "C07")[0] == "contradicted"
    assert judge(made, "C24")[2] == "this scale leaves out Table 5"


def test_class_gains_compare_small_with_large_classes_segments_and_edges(campaign):
    made = campaign(seeds=[0, 1], tables=["table1"])
    names = ["a", "b", "c", "d"]
    pixels = dict(zip(names, [1000, 500, 20, 10], strict=True))
    gains = {"fcn_s16": [0, 0, 0, 0], "gc_s16": [0.10, 0.10, 0, 0], "fcn_lc": [0, 0.02, 0.06, 0.08]}
    parts = {"fcn_s16": (0.30, 0.5, 0.40), "gc_s16": (0.31, 0.6, 0.42), "fcn_lc": (0.35, 0.5, 0.45)}

    def set_all(run, **other):
        where = dict(zip(("small", "large", "edges"), parts[run], strict=True)) | other
        class_iou = dict(zip(names, np.add(0.5, gains[run]), strict=True))
        for seed in (0, 1):
            change(made.results, run, seed=seed, class_iou=class_iou, class_pixels=pixels, miou=0.5)
            write_parts(made.results, run, seed, **where)

    for run in gains:
        set_all(run)
    # GC on large segments, LC on small ones; then their difference on small minus large classes, segments, edges.
    margins = [pytest.approx(margin) for margin in (10.0, 5.0, 7.0 + 9.0, 4.0 + 10.0, 3.0)]
    assert judge(made, "C33")[:2] == ("held", margins)
    set_all("gc_s16", small=0.1, large=0.4)
    assert [step.verdict for step in steps_of(made, "C33")] == ["contradicted", "held", "held", "held", "held"]
    set_all("gc_s16")
    set_all("fcn_lc", small=None, large=0.9)
    assert judge(made, "C33")[0::2] == (
        "not measured", "no labelled pixel: small segments; no labelled pixel: small segments or large segments",
    )  # fmt: skip
    set_all("fcn_lc")
    write_parts(made.results, "gc_s16", 1, bands=[1, 2, 5], edges=0.5)
    assert judge(made, "C33")[0::2] == ("not measured", "measured with other bands, evaluate again: gc_s16")
    for seed in (0, 1):
        (made.results / f"fcn_lc/seed{seed}/metrics/single.json").unlink()
    assert judge(made, "C33")[0::2] == ("not measured", "not run: fcn_lc (single)")


def test_runs_are_compared_in_parts_of_the_pixels(campaign):
    made = campaign(seeds=SEEDS, tables=["table1", "table2"], figures=[])
    for run, small, edge in (("gcm_lcm1", 0.40, 0.5), ("gcm_lc", 0.42, 0.49)):
        for seed, extra in enumerate(NEAR if run == "gcm_lc" else NEAR[::-1]):
            write_parts(made.results, run, seed, small=small + extra, edges=edge + extra)
    found = judged(made, "C40")
    assert [step.label for step in found.steps] == [
        "Res-50+GCM+LCM(1) − Res-50+GCM+LC, small segments",
        "Res-50+GCM+LCM(1) − Res-50+GCM+LC, pixels within 3 of an edge",
    ]
    # Two runs of no common table, of which one table has two columns; two of the same table.
    assert steps_of(made, "C09b")[0].label == "Res-50+GCM+LC − Res-50+GCM (δ=5) (mIoU at 1/8), all pixels"
    assert steps_of(made, "C39")[0].label == "Res-50+GCM (δ=5) − Res-50, mIoU at 1/16, large segments"
    assert [step.ours for step in found.steps] == [pytest.approx(-2), pytest.approx(1)]
    assert found.verdict == "contradicted"
    # The one image of each seed is drawn in each sample: over seeds, the differences lie between -2.1 and -1.9.
    assert found.steps[0].images == pytest.approx((-2, -2), abs=0.11)
    write_parts(made.results, "gcm_lc", 0, bands=[1, 2, 5], small=0.42, edges=0.5)
    small, edge = steps_of(made, "C40")
    assert (small.reason, edge.reason) == (None, "measured with other bands, evaluate again: gcm_lc")
    assert judge(made, "C44")[0::2] == ("not measured", "this scale leaves out acb3, acb3_ungated")


def test_context_gains_most_where_its_gate_is_large(campaign):
    made = campaign(seeds=[0, 1], tables=["table1", "table2"], figures=[])
    names = load("cityscapes").names  # write_gates: the later a class, the larger its gate; the last has no pixels
    for run, low, high in (("fcn_s16", 0.5, 0.5), ("gcm_d5_s16", 0.51, 0.55), ("gcm_lcm1", 0.58, 0.56)):
        iou = dict(zip(names, [low] * 9 + [high] * 9 + [None], strict=True))
        for seed in (0, 1):
            change(made.results, run, seed=seed, class_iou=iou)
            if run != "fcn_s16":
                write_gates(made.results / run / f"seed{seed}", blocks=1)
    gcm, lcm = steps_of(made, "C41")
    assert (gcm.ours, lcm.ours) == (pytest.approx(5 - 1), pytest.approx(7 - 1)) and judge(made, "C41")[0] == "held"
    (made.results / "gcm_lcm1/seed0/gates.json").unlink()
    (made.results / "gcm_lcm1/seed1/gates.json").unlink()
    assert judge(made, "C41")[0::2] == ("not measured", "not run: gcm_lcm1 (gates)")


def test_the_interval_over_images_is_that_of_the_differences_on_the_same_images(campaign):
    made = campaign()
    names, rng = list(load("cityscapes").names), np.random.default_rng(0)
    right = {run: rng.integers(5, 20, (8, 2)) * (50, 1) for run in ("fcn_s16", "gc_s16", "fcn_lc")}
    for run, hits in right.items():
        images = []
        for large, small in hits:  # 1000 pixels of class 0 and 20 of class 1, the rest of both taken for class 2
            codes, pixels = np.array([0, 2, 20, 21], np.uint32), [large, 1000 - large, small, 20 - small]
            images.append(ImageCounts(codes, np.array(pixels, np.uint32), np.zeros((3, 19), np.uint32)))
        counts = Counts.join("abcdefgh", 19, made.scale.measures.bands, images)
        write_counts(made.results / run / "seed0/metrics/single.images.npz", counts)
        iou = dict.fromkeys(names) | dict(zip(names, hits.sum(axis=0) / (8000, 160), strict=False)) | {names[2]: 0.0}
        change(made.results, run, class_iou=iou, class_pixels=dict(zip(names, [8000, 160] + [0] * 17, strict=True)))
    weights = drawn(8, made.scale.measures)
    iou = {run: weights @ hits / (weights.sum(axis=1)[:, None] * (1000, 20)) for run, hits in right.items()}
    over = 100 * (iou["fcn_lc"] - iou["gc_s16"])
    expected = np.quantile(over[:, 1] - over[:, 0], [0.025, 0.975])
    assert steps_of(made, "C33")[2].images == pytest.approx(tuple(expected))


def test_other_images_and_missing_counts_have_no_interval(campaign):
    made = campaign(tables=["table1"], figures=[])
    write_images(made.results, "gc_s16", [20, 90, 30])
    assert steps_of(made, "C01")[0].images is None
    write_images(made.results, "gcm_d5_s16", [20, 91, 30], names="xyz")
    assert steps_of(made, "C01")[0].images is None
    write_images(made.results, "gcm_d5_s16", [20, 91, 30])
    assert steps_of(made, "C01")[0].images == pytest.approx((0, 0.5), abs=0.2)


def test_the_hierarchical_interval_covers_seeds_too(campaign):
    made = campaign(tables=["table1"], figures=[], seeds=[0, 1])
    for seed in (0, 1):
        write_images(made.results, "gc_s16", [50, 50, 50], seed=seed)
        write_images(made.results, "gcm_d5_s16", [60 + 20 * seed] * 3, seed=seed)
    # Images are alike; of the mean IoU of two classes, of which one is never right, seed 0 gains 5, seed 1 15 points.
    assert steps_of(made, "C01")[0].images == pytest.approx((5, 15))


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((0.1, 1.0, 1.0), "held"), ((0.0, 1.0, 1.0), "contradicted"), ((0.1, 1.0, 0.99), "contradicted")],
)
def test_the_range_of_gates_is_that_of_the_whole_split(campaign, ends, expected):
    made = campaign()
    assert judge(made, "C35")[0::2] == ("not measured", "not run: acb3 (gates)")
    write_gates(made.results / "acb3/seed0", ends=ends)
    assert judge(made, "C35")[0] == judge(made, "C36")[0] == expected
    low, high, _ = ends
    assert [term["ours"] for term in steps_of(made, "C35")[0].terms] == [low, high]
    assert [term["ours"] for term in steps_of(made, "C36")[0].terms] == [1 - high, 1 - low]


def test_gates_must_differ_in_every_block_of_every_run_and_beyond_shuffled_ones(campaign):
    made = campaign(seeds=[0, 1], tables=["table1", "table3"], figures=[])
    assert judge(made, "C34")[0::2] == ("not measured", "not run: acb3 (gates)")
    write_gates(made.results / "gcm_d5_s16/seed0", blocks=1)
    assert judge(made, "C34")[:2] == ("not judged (one seed)", [pytest.approx(19.0), pytest.approx(10.0)])
    assert [step.images for step in steps_of(made, "C34")] == [pytest.approx((10, 30)), pytest.approx((5, 15))]
    for seed in (0, 1):
        write_gates(made.results / f"acb3/seed{seed}")
    assert judge(made, "C34")[:2] == ("held", [pytest.approx(19.0), pytest.approx(10.0)] * 3)
    assert steps_of(made, "C34")[3].label == "acb3, block 2 (1/16), beyond 8 px of an edge minus within 2 px"
    write_gates(made.results / "acb3/seed1", far_minus_near=(0.02, 0.0, -0.05, 0.15))
    assert judge(made, "C34")[0] == "undecided"
    for seed in (0, 1):
        write_gates(made.results / f"acb3/seed{seed}", large_minus_small=(0.1, 0.2, -0.15, -0.05))
    assert judge(made, "C34")[0] == "contradicted"
    write_gates(made.results / "acb3/seed1", large_minus_small=(None, None, 0, 0))
    assert judge(made, "C34")[0::2] == ("not measured", "no labelled pixel: large minus small segments")


def test_learned_factors_begin_at_one_and_move(campaign):
    made = campaign()
    path = made.results / "acb3/seed0/provenance.json"
    assert judge(made, "C37")[0] == "held"
    for scalars in (
        {"initial": {"alpha": 0.5}, "final": {"alpha": 0.7}},
        {"initial": {"alpha": 1.0}, "final": {"alpha": 1.0}},
    ):
        path.write_text(json.dumps({"commit": None, "context_scalars": scalars}))
        assert judge(made, "C37")[0] == "contradicted"
    path.write_text('{"commit": null}')
    assert judge(made, "C37")[0] == "not measured"


def test_claims_that_hold_by_construction_and_controls_are_counted_apart(campaign):
    made = campaign(comparable=True)
    write_gates(made.results / "acb3/seed0")
    found = made.claims()
    sure = {claim["id"]: claim["verdict"] for claim in found["claims"] if claim["kind"] == "by construction"}
    assert sure == dict.fromkeys(["C13", "C35", "C36", "C37"], "held")
    assert {verdict: n for verdict, n in found["counts"]["by construction"].items() if n} == {"held": 4}
    assert sum(found["counts"]["statements"].values()) == 37 and sum(found["counts"]["controls"].values()) == 14
    page = made.page()
    assert [int(n) for n in re.findall(r"<b>(\d+)</b>[●○≈◐·–]", page)] == [*found["counts"]["statements"].values()]
    assert "37 statements of the paper" in page and "14 controls" in page and "4 statements that hold" in page
    assert '<p class="small">By construction: <span class="held">4 ● held</span></p>' in page


def test_claims_json_names_every_cell_behind_a_verdict(campaign):
    made = campaign()
    found = made.claims()
    claims = {claim["id"]: claim for claim in found["claims"]}
    assert len(claims) == 55
    assert found["rule"] == {"level": 0.95, "resamples": 1000, "margin": 0.5, "power": 0.8}
    step = claims["C09"]["steps"][0]
    assert [term["cell"] for term in step["terms"]] == ["table2.gcm_lc.miou", "table2.gcm.miou"]
    assert step["paper"] == 1.03 and step["interval"] is None and step["seeds"] == [step["ours"]]
    assert step["ours"] == pytest.approx(step["terms"][0]["ours"] - step["terms"][1]["ours"], abs=1e-4)
    assert all(claim["reason"] for claim in claims.values() if claim["verdict"] == "not measured")
