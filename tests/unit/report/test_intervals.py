"""The bootstrap over images."""

import re

import numpy as np
import pytest
from fabricated import MEASURES, MINI, write_images

from acnet.evaluate.bootstrap import drawn, interval
from acnet.evaluate.counts import Counts, ImageCounts
from acnet.evaluate.metrics import metrics_of, summary
from acnet.report.results import Results
from acnet.report.tables import write_table


@pytest.fixture
def counts():
    """Twelve images of 150 classes, of which each has a few."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(12):
        pairs = rng.choice(150 * 150, 60, replace=False)
        pairs[:20] = rng.choice(8, 20) * 151
        codes, where = np.unique(pairs + 150 * 150 * rng.integers(0, 12, 60), return_index=True)
        pixels = rng.integers(1, 900, 60)[where]
        images.append(ImageCounts(codes.astype(np.uint32), pixels.astype(np.uint32), np.zeros((3, 150), np.uint32)))
    return Counts.join([str(i) for i in range(12)], 150, MEASURES.bands, images)


def test_every_resample_is_the_metric_of_the_images_drawn(counts):
    every = metrics_of(drawn(12, MEASURES) @ counts.by_image().astype(float), "ade20k")
    names = [str(i) for i in range(150)]
    matrices = [Counts.join("x", 150, counts.bands, [_image(counts, i)]).confusion() for i in range(len(counts.names))]
    for sample, times in list(enumerate(drawn(12, MEASURES)))[:20]:
        expected = summary(sum(n * m for n, m in zip(times, matrices, strict=True)), names, "ade20k")
        for metric, values in every.items():
            assert values[sample] == pytest.approx(expected[metric], abs=1e-12)


def _image(counts, i):
    part = slice(counts.starts[i], counts.starts[i + 1])
    return ImageCounts(counts.codes[part], counts.pixels[part], counts.contours[i])


def test_the_same_images_are_drawn_at_every_call_and_others_for_another_number():
    assert (drawn(12, MEASURES) == drawn(12, MEASURES)).all()
    assert (drawn(12, MEASURES).sum(1) == 12).all()
    assert drawn(12, MEASURES).std() == pytest.approx(1, abs=0.05)


def test_an_interval_covers_the_mean_of_a_known_spread():
    values = np.random.default_rng(1).normal(50, 2, 100_000)
    assert interval(values, 0.95) == pytest.approx((50 - 3.92, 50 + 3.92), abs=0.05)
    assert interval(np.array([np.nan, 1.0, 1.0]), 0.9) == (1.0, 1.0)
    assert interval(np.array([np.nan]), 0.9) is None


def test_cells_show_the_interval_in_every_form(campaign):
    made = campaign(tables=["table2"], figures=[])
    write_images(made.results, "gcm_lc", [50, 60, 70, 80])
    expected = Results(MINI, made.roots["results_root"]).interval("gcm_lc", "single", "miou")
    low, high = (f"{value:.1f}" for value in expected)
    assert 0 < expected[0] < expected[1] < 50
    csv, md, tex = write_table("table2", made.report)
    (line,) = [line for line in csv.read_text().splitlines() if line.startswith("gcm_lc,")]
    assert f",{expected[0]:.6g},{expected[1]:.6g}," in line
    assert f"({low}–{high})" in md.read_text()
    assert rf"{{\scriptsize ({low}--{high})}}" in tex.read_text()
    for file in (md, tex):
        assert re.search(r"[^.]95 \\?% confidence intervals by 1,000 bootstrap samples of the images", file.read_text())
    assert md.read_text().count("In brackets") == 1
