"""The rule for verdicts, simulated: how often it errs where nothing is true, and how often it decides."""

import itertools
import re

import numpy as np
import pytest
from fabricated import MINI
from scipy import stats

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import drawn
from acnet.params.campaign import Campaign
from acnet.params.claims import load_claims
from acnet.report.checks import Step
from acnet.report.scale import scale_info
from acnet.report.uncertainty import (
    hierarchical_interval,
    holm,
    image_weights,
    p_above,
    p_of_claim,
    seeds_needed,
    t_interval,
)

ALPHA = 0.05


def steps_of_primary_claims(root, tables):
    """The steps of each primary claim that compare cells or runs, as (run, run)."""
    found = {}
    for name, claim in load_claims(root / "params", tables).items():
        if not claim.primary:
            continue
        if claim.check in ("gate_contrasts", "gated_gains"):  # of no two scores: as many of their own
            found[name] = [(f"{name} {i}", f"{name} {i}, the other") for i in range(2)]
            continue
        if claim.runs:
            found[name] = [(claim.runs[0], other) for other in claim.runs[1:] for _ in claim.parts]
            continue
        groups = [[tables.table(t).row(r).run(c) for t, r, c in group] for group in claim.groups(tables)]
        if claim.check == "monotone":
            groups = [[later, earlier] for group in groups for earlier, later in itertools.pairwise(group)]
        found[name] = [tuple(group) for group in groups]
    return found


def simulated(claims, seeds, trials, means, rng, deviation=0.5):
    """Adjusted p-values (trials, claims) and the p-values of "holds" and "is contradicted", for normal seeds."""
    runs = sorted({run for steps in claims.values() for pair in steps for run in pair})
    scores = {run: means.get(run, 0.0) + deviation * rng.standard_normal((trials, seeds)) for run in runs}
    held, contradicted = [], []
    for steps in claims.values():
        values = np.stack([scores[first] - scores[second] for first, second in steps], axis=1)  # (trials, steps, seeds)
        one, other = p_of_claim(p_above(values), p_above(-values))
        held.append(one), contradicted.append(other)
    held, contradicted = np.stack(held, axis=1), np.stack(contradicted, axis=1)
    return holm(np.minimum(1, 2 * np.minimum(held, contradicted)), ALPHA)[0], held, contradicted


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_at_most_five_percent_of_families_have_a_false_verdict_where_every_difference_is_zero(root, tables, seeds):
    claims = steps_of_primary_claims(root, tables)
    assert len(claims) == 12 and sum(map(len, claims.values())) == 19
    adjusted, *_ = simulated(claims, seeds, 20_000, {}, np.random.default_rng(seeds))
    assert (adjusted <= ALPHA).any(axis=1).mean() <= 0.05 + 3 * 0.0015  # three standard errors of the simulation


def test_true_differences_elsewhere_leave_the_error_rate_and_half_a_chain_is_no_claim(root, tables):
    # FCN < GC < GCM is true at both strides; of C11's chain only the first step is; the rest is 0.
    means = {
        "gc_s16": 3,
        "gc_s8": 3,
        "gcm_d5_s16": 6,
        "gcm_d5_s8": 6,
        "gcm_lc": 6,
        "gcm_lcm1": 6,
        "gcm_lcm2": 9,
        "acb1": 9,
    }
    means |= {"acb2": 9, "acb3": 9}
    claims = steps_of_primary_claims(root, tables)
    true = [name in ("C01", "C04", "C05", "C14", "C39") for name in claims]
    adjusted, held, contradicted = simulated(claims, 5, 20_000, means, np.random.default_rng(1))
    decided = adjusted <= ALPHA
    assert decided[:, true].mean() > 0.9
    false = decided & (~np.array(true) | (contradicted < held))
    assert false.any(axis=1).mean() <= 0.05 + 3 * 0.0015


@pytest.mark.parametrize(("deviation", "difference"), [(0.5, 1.0), (1.0, 1.0), (0.7, 0.4)])
@pytest.mark.parametrize("level", [0.05, 0.05 / 15])
def test_the_stated_number_of_seeds_has_the_stated_power_and_one_less_has_not(deviation, difference, level):
    needed = seeds_needed(deviation, difference, level, 0.8)
    rng = np.random.default_rng(0)
    power = {
        n: (p_above(difference + deviation * rng.standard_normal((20_000, n))) <= level / 2).mean()
        for n in (needed - 1, needed)
        if n > 1
    }
    assert power[needed] >= 0.8 - 3 * 0.0028 and power.get(needed - 1, 0) < 0.8 + 3 * 0.0028


def test_a_true_difference_of_the_margin_is_called_equivalent_in_at_most_its_share_of_cases():
    scale, rng = MINI, np.random.default_rng(2)
    values = scale.rule.margin + 0.02 * rng.standard_normal((2000, 3))
    verdicts = [Step("", [], seeds=tuple(one)).judged(ALPHA, 1, scale).verdict for one in values]
    assert verdicts.count("equivalent") / 2000 <= ALPHA / 2 + 3 * 0.0035
    values = 0.05 * rng.standard_normal((500, 5))
    verdicts = [Step("", [], seeds=tuple(one)).judged(ALPHA, 1, scale).verdict for one in values]
    assert verdicts.count("equivalent") / 500 > 0.9


def test_intervals_and_p_values_are_those_of_scipy():
    values = np.array([1.0, 1.4, 0.7, 1.2, 1.1])
    expected = stats.ttest_1samp(values, 0.5, alternative="greater")
    assert p_above(values, 0.5) == pytest.approx(expected.pvalue)
    assert t_interval(values, 0.9) == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval(0.9)))
    assert [p_above([x, x]) for x in (1.0, 0.0, -1.0)] == [pytest.approx(p) for p in (0, 0.5, 1)]


def test_holm_rejects_exactly_those_whose_interval_at_their_level_excludes_zero():
    p = np.random.default_rng(0).beta(0.3, 2, (500, 6))
    adjusted, levels = holm(p, ALPHA)
    assert ((adjusted <= ALPHA) == (p <= levels)).all()
    assert holm(np.array([0.01, 0.04, 0.03]), ALPHA)[0] == pytest.approx([0.03, 0.06, 0.06])


def test_images_of_a_block_are_drawn_together():
    names = [f"video{i // 20}_{i:03}" for i in range(100)]
    weights = image_weights(names, r"^([^_]+)_", MINI.measures)
    blocks = weights.reshape(-1, 5, 20).sum(axis=2)
    assert (weights.sum(axis=1) == 100).all() and (blocks % 20 == 0).all()
    assert blocks.std() == pytest.approx(20 * (5 * 0.2 * 0.8) ** 0.5, rel=0.05)
    assert weights.reshape(-1, 20).std(axis=1).max() > 1  # within a block images are drawn, too
    assert (image_weights(names, None, MINI.measures) == drawn(100, MINI.measures)).all()


@pytest.mark.parametrize(
    ("scale", "names", "blocks"),
    [
        ("camvid", ["0001TP_008550", "0001TP_010380", "Seq05VD_f00000"], ["0001TP", "0001TP", "Seq05VD"]),
        ("paper", ["frankfurt_000000_000294", "lindau_000000_000019"], ["frankfurt", "lindau"]),
    ],
)
def test_video_frames_and_cities_are_blocks_and_their_pattern_fits_the_names(root, scale, names, blocks):
    info = scale_info(Campaign(root / "params", scale), root / "results")
    assert [re.search(info.blocks["fcn_s16"], name)[1] for name in names] == blocks
    with pytest.raises(AcnetError, match="image 'x': `blocks` of its dataset in datasets"):
        image_weights([*names, "x"], info.blocks["fcn_s16"], info.measures)
    assert "ade_fcn" not in info.blocks  # its images are independent


def test_the_interval_of_several_seeds_covers_their_spread():
    flat = np.tile([[0.0], [1.0]], (1, MINI.measures.resamples))
    assert hierarchical_interval(flat, MINI.measures) == (0, 1)
    varied = np.random.default_rng(0).standard_normal((1, MINI.measures.resamples))
    low, high = np.quantile(varied, [0.025, 0.975])
    assert hierarchical_interval(varied, MINI.measures) == pytest.approx((low, high))
