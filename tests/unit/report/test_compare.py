"""Two runs side by side."""

import json

import pytest
from fabricated import write_images

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.report.compare import as_text, compare
from acnet.report.results import Results


@pytest.fixture
def pair(campaign):
    """Two runs: the second gains in every image but the third."""
    made = campaign(tables=["table1"], figures=[])
    write_images(made.results, "gc_s16", [50, 60, 70, 80])
    write_images(made.results, "gcm_d5_s16", [52, 70, 66, 83])
    return made, Results(made.scale, made.roots["results_root"])


def test_classes_and_images_are_compared_with_paired_intervals(pair):
    found = compare("gc_s16", "gcm_d5_s16", "single", 0, pair[1])
    miou, pixacc, *parts = found.overall
    assert [line.name for line in parts] == [
        "Boundary IoU",
        *(f"mIoU within {band} px of a label edge" for band in (1, 3, 5)),
        *(f"mIoU of {size} segments" for size in ("small", "medium", "large")),
    ]
    small, large = parts[4], parts[6]  # the images hold small segments only, and no contour
    # Class 1 is labelled nowhere: it halves the mean over all pixels, and is left out of that over small segments.
    assert (small.first, small.difference) == (2 * miou.first, 2 * miou.difference)
    assert small.interval == tuple(2 * end for end in miou.interval)
    assert (large.difference, large.interval, parts[0].difference) == (None, None, None)
    assert (pixacc.first, pixacc.second) == pytest.approx((65, 67.75))
    assert -4 <= pixacc.interval[0] < 0 < 2.75 < pixacc.interval[1] <= 10
    assert miou.difference == pytest.approx(2.75 / 2)  # class 1 is predicted and never true: 0
    assert [line.name for line in found.classes] == ["road", "sidewalk"]
    assert [(c.name, c.second - c.first) for c in found.changes] == [
        ("b", pytest.approx(10)), ("c", pytest.approx(-4)), ("d", pytest.approx(3)), ("a", pytest.approx(2)),
    ]  # fmt: skip


def test_other_settings_of_the_protocol_are_refused(pair):
    made, _ = pair
    for run, scale, window in (("gc_s16", 1.0, 64), ("gcm_d5_s16", 0.5, 96)):
        file = made.results / run / "seed0/metrics/single.json"
        settings = {"name": "single", "scales": [scale], "window": [window, window]}
        settings |= {"gate": "constant"} if scale < 1 else {}
        file.write_text(json.dumps(json.loads(file.read_text()) | {"protocol": settings}))
    with pytest.raises(
        AcnetError, match=r"settings of protocol 'single' \(scales \[1.0\] and \[0.5\], gate usual and constant\); "
    ):
        compare("gc_s16", "gcm_d5_s16", "single", 0, Results(made.scale, made.roots["results_root"]))


def test_the_text_holds_the_largest_changes_only(pair):
    text = as_text(compare("gc_s16", "gcm_d5_s16", "single", 0, pair[1]), 2)
    assert "| road | 65.00 | 67.75 | +2.75 |" in text
    assert "| b | 60.00 | 70.00 | +10.00 |" in text and "| c | 70.00 | 66.00 | −4.00 |" in text
    assert "| d |" not in text


def test_a_run_that_is_not_evaluated_and_other_images_are_refused(pair):
    made, results = pair
    with pytest.raises(AcnetError, match=r"fcn_s16/seed0/metrics/single.images.npz: not found; `acnet evaluate"):
        compare("gc_s16", "fcn_s16", "single", 0, results)
    write_images(made.results, "fcn_s16", [50, 60, 70, 80], names="wxyz")
    with pytest.raises(AcnetError, match="gc_s16 and fcn_s16 are measured on different images"):
        compare("gc_s16", "fcn_s16", "single", 0, Results(made.scale, made.roots["results_root"]))


def test_the_command_prints_the_comparison(pair, capsys, monkeypatch, root):
    roots = pair[0].roots
    arguments = ["--params-root", str(root / "params"), "--results-root", str(roots["results_root"]), "compare"]
    assert main([*arguments, "gc_s16", "gcm_d5_s16"]) == 0
    assert capsys.readouterr().out.startswith("# gcm_d5_s16 against gc_s16, protocol single\n")
    assert main([*arguments, "gc_s16", "gcm_d5_s16", "--json", "--images", "1"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["runs"] == ["gc_s16", "gcm_d5_s16"] and [line["name"] for line in said["classes"]] == [
        "road",
        "sidewalk",
    ]
    assert said["overall"][1]["difference"] == pytest.approx(2.75) and len(said["overall"][1]["interval"]) == 2
    assert said["changes"] == [{"index": 1, "name": "b", "first": pytest.approx(60), "second": pytest.approx(70)}]
    assert main([*arguments, "gc_s16", "gcm_d5_s61"]) == 2
    assert "did you mean 'gcm_d5_s16'?" in capsys.readouterr().err
