"""Verdicts: each form of check, noise, seeds, and what is missing."""

import dataclasses
import json
import re

import numpy as np
import pytest
from fabricated import change, write_examples, write_gates, write_images

from acnet.data.classes import load
from acnet.evaluate.bootstrap import drawn
from acnet.evaluate.counts import Counts, ImageCounts, write_counts
from acnet.params.tables import Tables, load_tables
from acnet.report.claims import judge_claims


@pytest.fixture
def verdict(campaign):
    """A function from claim and scores {run: mIoU by `single`} to (verdict, margins in points)."""
    made = campaign(tables=[f"table{n}" for n in range(1, 9)])

    def decide(name, scores, comparable=False, noise=1.0):
        for run, miou in scores.items():
            change(made.results, run, miou=miou)
        return judge(made, name, comparable=comparable, noise=noise)

    return decide


def judged(made, name, entries=None, **changes):
    found = judge_claims(made.roots["params_root"], made.evidence(entries, **changes))
    return next(one for one in found if one.name == name)


def judge(made, name, **changes):
    found = judged(made, name, **changes)
    return found.verdict, [step.ours for step in found.steps], found.reason


def steps_of(made, name):
    return judged(made, name).steps


@pytest.mark.parametrize(
    ("gcm", "expected"),
    [(0.712, "held"), (0.71, "held"), (0.709, "within noise"), (0.691, "within noise"), (0.69, "not held")],
)
def test_greater(verdict, gcm, expected):
    found, margins, _ = verdict("C01", {"gcm_d5_s16": gcm, "gc_s16": 0.70})
    assert found == expected and margins == [pytest.approx(100 * (gcm - 0.70))]


def test_greater_asks_for_every_pair(verdict):
    good = {"gc_s16": 0.7, "fcn_s16": 0.6, "gc_s8": 0.7, "fcn_s8": 0.6}
    assert verdict("C04", good)[0] == "held"
    assert verdict("C04", good | {"gc_s8": 0.605})[0] == "within noise"
    assert verdict("C04", good | {"gc_s8": 0.5})[0] == "not held"


def test_best_is_against_the_runner_up_of_ours(verdict):
    column8 = {"gcm_d2_s8": 0.5, "gcm_d5_s8": 0.6, "gcm_d10_s8": 0.5}
    found, margins, _ = verdict("C06", column8 | {"gcm_d2_s16": 0.60, "gcm_d5_s16": 0.65, "gcm_d10_s16": 0.63})
    assert found == "held" and margins[0] == pytest.approx(2.0)
    assert verdict("C06", {"gcm_d10_s16": 0.645})[0] == "within noise"
    assert verdict("C06", {"gcm_d10_s16": 0.70})[0] == "not held"


def test_monotone_asks_for_every_step(verdict):
    rising = {"gcm_lcm1": 0.60, "gcm_lcm2": 0.62, "acb1": 0.64}
    assert verdict("C11", rising)[:2] == ("held", [pytest.approx(2.0), pytest.approx(2.0)])
    assert verdict("C11", {"acb1": 0.625})[0] == "within noise"
    assert verdict("C11", {"acb1": 0.60})[0] == "not held"


def test_more_gain_is_a_difference_of_differences(verdict):
    scores = {"gcm_d5_s8": 0.70, "gc_s8": 0.65, "gcm_d5_s16": 0.64, "gc_s16": 0.62}
    assert verdict("C03", scores)[:2] == ("held", [pytest.approx(3.0)])
    assert verdict("C03", scores, noise=4.0)[0] == "within noise"
    assert verdict("C03", {"gc_s8": 0.70})[0] == "not held"


def test_equal_holds_within_noise(verdict, campaign, root, tmp_path):
    assert verdict("C13", {"acb1": 0.6})[:2] == ("held", [0.0])  # one run fills both cells
    made = campaign()
    made.roots["params_root"] = tmp_path / "params"
    made.roots["params_root"].mkdir()
    (tmp_path / "params/tables.yaml").write_text((root / "params/tables.yaml").read_text())
    text = (root / "params/claims.yaml").read_text()
    (tmp_path / "params/claims.yaml").write_text(
        text.replace("lcm3.miou, table3.r50_acb1", "lcm3.miou, table3.r50_acb2")
    )
    for acb2, expected in ((0.609, "held"), (0.592, "held"), (0.62, "not held"), (0.58, "not held")):
        change(made.results, "acb1", miou=0.6)
        change(made.results, "acb2", miou=acb2)
        assert judge(made, "C13")[0] == expected


def test_cited_numbers_count_only_where_the_scale_can_be_compared(campaign):
    made = campaign()
    change(made.results, "stuff_r101_acnet", "multi_flip", miou=0.45)
    assert judge(made, "C30") == (
        "not measured",
        [None],
        "the paper's absolute numbers are not comparable at this scale",
    )
    assert judge(made, "C30", comparable=True)[:2] == ("held", [pytest.approx(5.3)])
    change(made.results, "stuff_r101_acnet", "multi_flip", miou=0.30)
    assert judge(made, "C30", comparable=True)[0] == "not held"


def test_test_sets_wait_for_the_server(campaign):
    made = campaign(comparable=True)
    assert judge(made, "C20")[0::2] == ("not measured", "needs the test server's score")
    assert judge(made, "C31")[0] == "not measured"
    (made.results / "server").mkdir()
    (made.results / "server/table4.yaml").write_text("miou: 82.5\n")
    change(made.results, "ade_r101_acnet", "multi_flip", miou=0.475)
    assert judge(made, "C20", noise=0.3)[:2] == ("held", [1.0])
    assert judge(made, "C22", noise=0.5)[0] == "within noise"
    assert judge(made, "C31", noise=0.1)[:2] == ("held", [pytest.approx(0.2), pytest.approx(1.6)])
    (made.results / "server/table4.yaml").write_text("miou: 82.2\n")
    assert judge(made, "C31", noise=0.3)[:2] == ("held", [pytest.approx(-0.1), pytest.approx(1.6)])
    (made.results / "server/table4.yaml").write_text("miou: 81.9\n")
    assert judge(made, "C31", noise=0.3)[:2] == ("not held", [pytest.approx(-0.4), pytest.approx(1.6)])


def test_counting_classes(campaign):
    made = campaign(comparable=True)
    table = load_tables(made.roots["params_root"]).table("table4")
    printed = dict(zip(table.per_class, table.row("acnet").per_class, strict=True))
    server = made.results / "server/table4.yaml"
    server.parent.mkdir()
    server.write_text(json.dumps({"per_class": printed}))
    assert judge(made, "C23", noise=0.01)[1] == [15.0]
    assert judge(made, "C23", noise=0.5)[0] == "within noise"
    server.write_text(json.dumps({"per_class": dict.fromkeys(printed, 99.9)}))
    assert judge(made, "C23", noise=0.5)[:2] == ("held", [19.0])
    server.write_text(json.dumps({"per_class": dict.fromkeys(printed, 10.0)}))
    assert judge(made, "C23", noise=0.5)[:2] == ("not held", [0.0])


@pytest.mark.parametrize(("small", "expected"), [(100, ("held", (19.0, 19.0))), (0, ("within noise", (0.0, 19.0)))])
def test_counted_classes_have_an_interval_where_our_own_images_are_counted(campaign, root, small, expected):
    made = campaign()
    tables = load_tables(root / "params")
    table = tables.table("table4")
    own = next(row for row in table.rows if row.key == "acnet")
    rows = [dataclasses.replace(row, server=None) if row is own else row for row in table.rows]
    tables = Tables({**tables.tables, "table4": dataclasses.replace(table, rows=rows)}, tables.figures)
    run, protocol = own.run("miou"), table.row_protocol(own)
    change(made.results, run, protocol, class_iou=dict.fromkeys(load("cityscapes").names, 0.99))
    # One image decides: in the others `small` % of few pixels of each class are right, so that sets without it differ.
    images = []
    for pixels, right in ((10_000, 100), *[(10, small)] * 9):
        hits = pixels * right // 100
        diagonal = np.arange(19, dtype=np.uint32) * 20
        codes = np.concatenate([diagonal, np.arange(19, dtype=np.uint32) * 19 + (np.arange(19) + 1) % 19])
        counted = np.array([hits] * 19 + [pixels - hits] * 19, np.uint32)
        images.append(ImageCounts(codes.astype(np.uint32), counted, np.zeros((3, 19), np.uint32)))
    counts = Counts.join("abcdefghij", 19, made.scale.measures.bands, images)
    write_counts(made.results / run / "seed0/metrics" / f"{protocol}.images.npz", counts)
    found = judged(made, "C23", tables, comparable=True, noise=0.5)
    assert (found.verdict, found.steps[0].interval) == expected
    assert found.steps[0].ours == 19


def test_a_missing_run_is_named_but_a_failed_pair_decides(campaign):
    made = campaign(skip=["gcm_d10_s8", "acb2"])
    assert judge(made, "C12")[0::2] == ("not measured", "not run: acb2 (single)")
    for run, miou in {"gcm_d2_s16": 0.5, "gc_s16": 0.6}.items():
        change(made.results, run, miou=miou)
    assert judge(made, "C07")[0] == "not held"
    assert judge(made, "C24", tables=["table1"])[2] == "this scale leaves out Table 5"


def test_seeds_widen_the_noise_to_two_standard_errors(campaign):
    made = campaign(seeds=[0, 1], tables=["table1"], figures=[])
    for seed, (gcm, gc) in enumerate([(0.70, 0.68), (0.74, 0.68)]):
        change(made.results, "gcm_d5_s16", seed=seed, miou=gcm)
        change(made.results, "gc_s16", seed=seed, miou=gc)
    found, margins, _ = judge(made, "C01", noise=1.0)
    assert margins == [pytest.approx(4.0)] and found == "held"  # two standard errors: 2 * sqrt(8 / 2) = 4.0
    change(made.results, "gcm_d5_s16", seed=1, miou=0.7401)
    change(made.results, "gcm_d5_s16", seed=0, miou=0.6998)
    assert judge(made, "C01", noise=1.0)[0] == "within noise"


def test_class_gains_compare_small_with_large_classes_segments_and_edges(campaign):
    made = campaign()
    names = ["a", "b", "c", "d"]
    pixels = dict(zip(names, [1000, 500, 20, 10], strict=True))
    gains = {"fcn_s16": [0, 0, 0, 0], "gc_s16": [0.10, 0.10, 0, 0], "fcn_lc": [0, 0.02, 0.06, 0.08]}
    for run, gain in gains.items():
        class_iou = dict(zip(names, np.add(0.5, gain), strict=True))
        change(made.results, run, class_iou=class_iou, class_pixels=pixels, miou=0.5)
    parts = {"fcn_s16": (0.30, 0.5, 0.40), "gc_s16": (0.31, 0.6, 0.42), "fcn_lc": (0.35, 0.5, 0.45)}
    for run, (small, large, edge) in parts.items():
        segments = {"small": {"miou": small}, "large": {"miou": large}}
        change(made.results, run, segments=segments, near_edges={"3": {"miou": edge}})
    margins = [pytest.approx(7.0 + 9.0), pytest.approx(4.0 + 10.0), pytest.approx(3.0)]
    assert judge(made, "C33")[:2] == ("held", margins)
    gains = [[term.ours for term in step.terms] for step in steps_of(made, "C33")]  # global, then local; small, large
    assert gains == [pytest.approx(each) for each in ([0, 10, 7, 1], [1, 10, 5, 0], [2, 0, 5, 0])]
    change(made.results, "fcn_lc", near_edges={"3": {"miou": 0.42}})
    assert judge(made, "C33")[0] == "within noise"
    change(made.results, "fcn_lc", class_iou=dict(zip(names, [0.6, 0.6, 0.5, 0.5], strict=True)))
    assert judge(made, "C33")[1][0] == pytest.approx(0.0)
    change(made.results, "fcn_lc", segments={"small": {"miou": 0.2}, "large": {"miou": 0.9}})
    assert judge(made, "C33")[0] == "not held"
    change(made.results, "fcn_lc", segments={"small": {"miou": None}, "large": {"miou": 0.9}})
    assert judge(made, "C33")[0::2] == ("not measured", "no labelled pixel: small segments or large segments")
    (made.results / "fcn_lc/seed0/metrics/single.json").unlink()
    assert judge(made, "C33")[0::2] == ("not measured", "not run: fcn_lc (single)")


def test_seeds_widen_the_noise_of_class_gains_too(campaign):
    made = campaign(seeds=[0, 1])
    pixels = {"a": 1000, "b": 10}
    for seed, gain in enumerate((0.01, 0.05)):  # the mean is 3 points, its standard error 2
        for run in ("fcn_s16", "gc_s16", "fcn_lc"):
            iou = {"a": 0.5, "b": 0.5 + gain * (run == "fcn_lc")}
            change(made.results, run, seed=seed, class_iou=iou, class_pixels=pixels)
    step = steps_of(made, "C33")[0]
    assert (step.ours, step.noise, step.verdict) == (pytest.approx(3), pytest.approx(4), "within noise")


def test_the_interval_of_class_gains_is_that_of_their_differences(campaign):
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
    assert steps_of(made, "C33")[0].interval == pytest.approx(tuple(expected))


def test_a_difference_counts_only_if_its_interval_over_the_same_images_excludes_zero(campaign):
    made = campaign()
    for run, miou in {"gcm_d5_s16": 0.72, "gc_s16": 0.70}.items():
        change(made.results, run, miou=miou)
    # Every image gains a little, though images differ much: paired, the gain is certain.
    write_images(made.results, "gc_s16", [20, 90, 30, 80, 40, 70, 25, 85, 35, 75])
    write_images(made.results, "gcm_d5_s16", [24, 94, 34, 84, 44, 74, 29, 89, 39, 79])
    assert judge(made, "C01", noise=1.0)[0] == "held"
    # One image gains all of it: the others do not bear it out.
    write_images(made.results, "gcm_d5_s16", [60, 90, 30, 80, 40, 70, 25, 85, 35, 75])
    assert judge(made, "C01", noise=1.0)[0] == "within noise"
    # The noise of the scale remains a floor.
    assert judge(made, "C01", noise=2.5)[0] == "within noise"
    write_images(made.results, "gcm_d5_s16", [10, 80, 20, 70, 30, 60, 15, 75, 25, 65])
    change(made.results, "gcm_d5_s16", miou=0.68)
    assert judge(made, "C01", noise=1.0)[0] == "not held"


def test_other_images_have_no_paired_interval_and_one_lacking_leaves_the_noise(campaign):
    made = campaign()
    for run, miou in {"gcm_d5_s16": 0.72, "gc_s16": 0.70}.items():
        change(made.results, run, miou=miou)
    write_images(made.results, "gc_s16", [20, 90, 30])
    assert judge(made, "C01", noise=1.0)[0] == "held"
    write_images(made.results, "gcm_d5_s16", [20, 91, 30], names="xyz")
    assert judge(made, "C01", noise=1.0)[0] == "held"
    write_images(made.results, "gcm_d5_s16", [20, 91, 30])
    assert judge(made, "C01", noise=1.0)[0] == "within noise"


def test_gate_claims_read_the_examples(campaign):
    made = campaign()
    assert judge(made, "C35")[0] == judge(made, "C36")[0] == "held"
    path = made.results / "acb3/seed0/examples.npz"
    arrays = dict(np.load(path))
    arrays["gate_1_2"] = arrays["gate_1_2"] * np.float32(0.999)
    np.savez_compressed(path, **arrays)
    assert judge(made, "C35")[0] == judge(made, "C36")[0] == "not held"
    path.unlink()
    assert judge(made, "C35")[0::2] == ("not measured", "not run: acb3 (examples)")
    write_examples(path.parent, "cityscapes", gates=0)
    assert judge(made, "C35")[0] == "not measured"


@pytest.mark.parametrize(
    ("ends", "expected"), [((0.1, 1.0, 1.0), "held"), ((0.0, 1.0, 1.0), "not held"), ((0.1, 1.0, 0.99), "not held")]
)
def test_the_range_of_gates_is_that_of_the_whole_split_where_it_is_measured(campaign, ends, expected):
    made = campaign()
    write_gates(made.results / "acb3/seed0", ends=ends)
    assert judge(made, "C35")[0] == judge(made, "C36")[0] == expected
    low, high, _ = ends
    assert [term.ours for term in steps_of(made, "C35")[0].terms] == [low, high]
    assert [term.ours for term in steps_of(made, "C36")[0].terms] == [1 - high, 1 - low]


def test_gates_must_differ_in_every_block_and_beyond_shuffled_ones(campaign):
    made = campaign()
    folder = made.results / "acb3/seed0"
    assert judge(made, "C34")[0::2] == ("not measured", "not run: acb3 (gates)")
    write_gates(folder)
    assert judge(made, "C34")[:2] == ("held", [pytest.approx(19.0), pytest.approx(10.0)] * 3)
    large, far = steps_of(made, "C34")[:2]
    assert (large.interval, far.interval) == (pytest.approx((10, 30)), pytest.approx((5, 15)))
    assert [term.ours for term in large.terms] == pytest.approx([20, 1])
    write_gates(folder, far_minus_near=(0.1, 0.0, -0.05, 0.15))
    assert judge(made, "C34")[0] == "within noise"
    write_gates(folder, large_minus_small=(0.1, 0.2, -0.15, -0.05))
    assert judge(made, "C34")[0] == "not held"
    write_gates(folder, large_minus_small=(None, None, 0, 0))
    assert judge(made, "C34")[0::2] == ("not measured", "no labelled pixel: large minus small segments")


def test_learned_factors_begin_at_one_and_move(campaign):
    made = campaign()
    path = made.results / "acb3/seed0/provenance.json"
    assert judge(made, "C37")[0] == "held"
    for scalars in (
        {"initial": {"alpha": 0.5}, "final": {"alpha": 0.7}},
        {"initial": {"alpha": 1.0}, "final": {"alpha": 1.0}},
    ):
        path.write_text(json.dumps({"context_scalars": scalars}))
        assert judge(made, "C37")[0] == "not held"
    path.write_text("{}")
    assert judge(made, "C37")[0] == "not measured"


def test_claims_that_hold_by_construction_are_counted_apart_from_findings(campaign):
    made = campaign(comparable=True)
    found = made.claims()
    sure = {claim["id"]: claim["verdict"] for claim in found["claims"] if claim["kind"] == "by construction"}
    assert sure == dict.fromkeys(["C13", "C35", "C36", "C37"], "held")
    assert found["counts"]["by construction"] == {"held": 4, "within noise": 0, "not held": 0, "not measured": 0}
    others = [claim["verdict"] for claim in found["claims"] if claim["id"] not in sure]
    assert found["counts"]["findings"] == {verdict: others.count(verdict) for verdict in found["counts"]["findings"]}
    assert sum(found["counts"]["findings"].values()) == 34
    page = made.page()
    assert [int(n) for n in re.findall(r"<b>(\d+)</b>[●◐○–]", page)] == [*found["counts"]["findings"].values()]
    assert "34 statements of the paper" in page and "and 4 more, counted apart" in page
    assert '<p class="small">By construction: <span class="held">4 ● held</span></p>' in page


def test_claims_json_names_every_cell_behind_a_verdict(campaign):
    made = campaign()
    found = made.claims()
    claims = {claim["id"]: claim for claim in found["claims"]}
    assert len(claims) == 38 and found["noise"] == 1.0
    step = claims["C09"]["steps"][0]
    assert [term["cell"] for term in step["terms"]] == ["table2.gcm_lc.miou", "table2.gcm.miou"]
    assert step["paper"] == 1.03 and step["noise"] == 1.0 and step["interval"] is None
    assert found["intervals"] == {"level": 0.95, "resamples": 1000}
    assert step["ours"] == pytest.approx(step["terms"][0]["ours"] - step["terms"][1]["ours"], abs=1e-4)
    assert all(claim["reason"] for claim in claims.values() if claim["verdict"] == "not measured")
