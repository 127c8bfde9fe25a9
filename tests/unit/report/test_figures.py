"""Figures: what they show, and that equal inputs give equal bytes."""

import csv
import dataclasses

import numpy as np
import pytest
from fabricated import change, write_examples, write_gates

pytest.importorskip("matplotlib", reason="matplotlib draws the figures; pip install matplotlib")

from acnet.cli import main
from acnet.data.classes import load
from acnet.errors import AcnetError
from acnet.params.run import read_run, write_run
from acnet.params.tables import load_tables
from acnet.report.figures import (
    class_gains_figure,
    curves,
    curves_figure,
    factors_figure,
    gains_of,
    write_curves,
    write_figure,
)
from acnet.report.forest import forest_figure, write_forest
from acnet.report.gates import gates_csv, gates_figure, gates_runs_figure, measured_gates
from acnet.report.gates import write_gates as write_gates_files
from acnet.report.photos import photo_figure
from acnet.report.results import Results
from acnet.report.uncertainty import t_interval

SMALL = {"tables": [], "figures": ["figure1", "figure4", "figure5"]}


def texts(figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def open_results(made):
    return load_tables(made.roots["params_root"]), Results(made.scale, made.roots["results_root"])


@pytest.mark.parametrize("name", ["figure1", "figure4"])
def test_equal_inputs_give_equal_bytes(campaign, name):
    made = campaign(**SMALL)
    first = [path.read_bytes() for path in write_figure(name, made.report)]
    assert first == [path.read_bytes() for path in write_figure(name, made.report)]
    assert first[0].startswith(b"\x89PNG") and first[1].startswith(b"%PDF")
    assert b"CreationDate" not in first[1] and b"tEXt" not in first[0]


def test_class_gains_are_over_the_baseline_and_average_seeds(campaign):
    made = campaign(seeds=[0, 1], **SMALL)
    for seed in (0, 1):
        change(made.results, "fcn_s16", seed=seed, class_iou={"road": 0.5, "sky": 0.5})
        change(made.results, "gc_s16", seed=seed, class_iou={"road": 0.6 + 0.1 * seed, "sky": None})
    _, results = open_results(made)
    gains = gains_of("gc_s16", "fcn_s16", "single", results)
    assert list(gains) == ["road"] and gains["road"] == pytest.approx((15.0, 7.0710678))


def test_bars_are_told_apart_without_colour_and_the_legend_lies_outside(campaign):
    made = campaign(**SMALL)
    tables, results = open_results(made)
    figure = class_gains_figure(tables.figure("figure1"), results)
    axes = figure.axes[0]
    assert {container.patches[0].get_hatch() for container in axes.containers} == {None, "////"}
    greys = [np.dot(c.patches[0].get_facecolor()[:3], (0.299, 0.587, 0.114)) for c in axes.containers]
    assert abs(greys[0] - greys[1]) > 0.3
    figure.canvas.draw()
    assert figure.legends[0].get_window_extent().y0 >= axes.get_window_extent().y1 - 2
    assert len(axes.get_yticklabels()) == 19


def test_a_bar_of_nothing_bears_no_number(campaign):
    made = campaign(**SMALL)
    ious = {"fcn_s16": (0.5, 0.0, 0.5), "gc_s16": (0.6, 0.0, 0.5), "fcn_lc": (0.7, 0.0, 0.4)}
    for run, values in ious.items():
        change(made.results, run, class_iou=dict(zip(("road", "sky", "car"), values, strict=True)))
    tables, results = open_results(made)
    shown = texts(class_gains_figure(tables.figure("figure1"), results))
    assert {"+10.0", "+20.0", "−10.0", "no change"} <= set(shown)
    assert shown.count("no change") == 1 and "0.0" not in shown


def test_a_missing_run_is_named_in_the_figure(campaign):
    made = campaign(skip=["fcn_lc", "r101_ohem"], **SMALL)
    tables, results = open_results(made)
    assert "not run: fcn_lc" in texts(class_gains_figure(tables.figure("figure1"), results))
    assert "not drawn yet; needs: r101_ohem (examples)" in texts(photo_figure(tables.figure("figure5"), results))
    assert len(write_figure("figure5", made.report)) == 2


def test_gains_between_different_settings_are_not_drawn(campaign):
    made = campaign(**SMALL)
    change(made.results, "fcn_lc", protocol={"name": "single", "flip": True})
    tables, results = open_results(made)
    assert texts(class_gains_figure(tables.figure("figure1"), results))[-1] == (
        "not drawn yet; needs: equal settings of fcn_lc (single)"
    )


def test_gates_stand_beside_the_predictions_with_their_resolution(campaign):
    made = campaign(**SMALL)
    tables, results = open_results(made)
    found = texts(photo_figure(tables.figure("figure4"), results))
    for title in ("image", "ground truth", "FCN", "ACNet", "gate at 1/16", "gate at 1/8", "gate at 1/4"):
        assert found.count(title) == 1
    assert {"road", "sky", "not labelled"} <= set(found)
    assert "gate at 1/16" not in texts(photo_figure(tables.figure("figure5"), results))


def test_a_gate_stands_at_the_resolution_of_its_block(campaign):
    made = campaign(**SMALL)
    folder = made.results / "acb3/seed0"
    run = read_run(folder / "params.yaml")
    model = dataclasses.replace(run.model, blocks=3, local_context="lc", global_blocks=[3])
    write_run(dataclasses.replace(run, model=model), {}, folder / "params.yaml")
    write_examples(folder, "cityscapes", gates=1)
    tables, results = open_results(made)
    titles = [text for text in texts(photo_figure(tables.figure("figure4"), results)) if text.startswith("gate at")]
    assert titles == ["gate at 1/4"]


def test_a_broken_examples_file_is_named(campaign):
    made = campaign(**SMALL)
    path = made.results / "acb3/seed0/examples.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(AcnetError, match=r"acb3/seed0/examples.npz: truncated or corrupt"):
        write_figure("figure4", made.report)
    assert not (made.reports / "figures").exists()


def test_a_curve_is_the_mean_main_loss_of_each_epoch(campaign):
    made = campaign(tables=[], figures=["figure1"])
    steps = [(0.5, 9, 5), (1.0, 9, 3), (1.5, 9, 2), (2.0000001, 9, 1), (3.0, 9, 0.5)]
    lines = ["epoch,loss,main_loss", *(",".join(map(str, step)) for step in steps)]
    (made.results / "gc_s16/seed0/history.csv").write_text("\n".join(lines) + "\n")
    (line,) = curves_figure(["gc_s16"], open_results(made)[1]).axes[0].lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2, 3], [4.0, 1.5, 0.5])
    assert [path.name for path in write_curves(made.report)] == [
        "curves.png",
        "curves.pdf",
        "factors.png",
        "factors.pdf",
    ]


def test_alpha_and_beta_of_every_block_are_drawn_over_training_ungated_ones_too(campaign):
    made = campaign(tables=[], figures=["figure1"])
    names = [f"blocks.{i}.{part}" for i in (0, 1) for part in ("global_context.alpha", "local_context.beta")]
    lines = [",".join(["epoch", "main_loss", *names]), "0.5,1,1,1,1,1", "1.0,2,0.9,1.1,0.5,1.2"]
    (made.results / "gc_s16/seed0/history.csv").write_text("\n".join(lines) + "\n")
    (panel,) = [axes for axes in factors_figure(["fcn_s16", "gc_s16"], open_results(made)[1]).axes if axes.lines]
    assert panel.get_title(loc="left") == "gc_s16"
    assert [list(line.get_ydata()) for line in panel.lines] == [[1, 0.9], [1, 1.1], [1, 0.5], [1, 1.2]]
    assert [line.get_linestyle() for line in panel.lines] == ["-", "--"] * 2


def test_the_forest_shows_the_papers_differences_beside_ours_and_verdicts_of_several_seeds_only(campaign):
    made = campaign(tables=["table1", "table2"], figures=[], seeds=[0, 1])
    for seed in (0, 1):
        change(made.results, "gcm_d5_s16", seed=seed, miou=0.72 + 0.01 * seed)
        change(made.results, "gc_s16", seed=seed, miou=0.70)
    several = made.claims()
    made.scale = dataclasses.replace(made.scale, seeds=[0], title="One seed")
    left, right = forest_figure([several, made.claims()]).axes
    row = [label.get_text() for label in left.get_yticklabels()].index(
        "C01  Res-50+GCM (δ=5) − Res-50+GC, mIoU at 1/16"
    )
    ours, paper = ([line.get_xdata()[0] for line in left.lines if line.get_marker() == mark
                    and list(line.get_ydata()) == [row]] for mark in "oD")  # fmt: skip
    assert (ours, paper) == ([pytest.approx(2.5)], [pytest.approx(1.21)])
    (thin,) = (list(line.get_xdata()) for line in left.lines
               if line.get_linewidth() == 0.7 and list(line.get_ydata()) == [row, row])  # fmt: skip
    found = {claim["id"]: claim for claim in several["claims"]}["C01"]
    assert thin == pytest.approx(t_interval(np.array([2.0, 3.0]), 1 - found["level"])) and found["level"] < 0.05
    judged = [claim for claim in several["claims"] if claim["primary"] and claim["check"] != "gate_contrasts"]
    measured = [claim for claim in judged if any(step["ours"] is not None for step in claim["steps"])]
    assert any(len(claim["steps"]) > 1 for claim in measured)
    verdicts = ("undecided", "held", "contradicted", "equivalent", "incomplete")
    assert sum(text in verdicts for text in texts(left)) == len(measured)  # one for each claim
    assert "undecided" in texts(left) and not {"undecided", "held", "contradicted"} & set(texts(right))
    assert not any("block" in label.get_text() for label in left.get_yticklabels())  # the gates have their own figure
    assert [path.name for path in write_forest(made.report)] == ["forest.png", "forest.pdf"]
    with pytest.raises(AcnetError, match=r"stanford/claims.json: not found; `acnet report publish --scale stanford`"):
        write_forest(made.report, ["stanford"])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("history", ""),
        ("history", "a,b\n1,2\n"),
        ("history", "epoch,main_loss\n1,x\n"),
        ("validation", "epoch,miou\n1,2\n"),
    ],
)
def test_a_file_that_is_no_training_curve_is_refused_by_name(campaign, file, text):
    made = campaign(tables=["table1"], figures=[])
    (made.results / f"gc_s16/seed0/{file}.csv").write_text(text)
    with pytest.raises(AcnetError, match=rf"gc_s16/seed0/{file}.csv: not a training curve \(.*\); move it away"):
        curves(made.report.runs, made.report.results)


def test_classes_with_most_pixels_come_first(campaign):
    made = campaign(**SMALL)
    pixels = {"road": 10, "sky": 500, "car": 70}
    for run in ("fcn_s16", "gc_s16", "fcn_lc"):
        change(made.results, run, class_iou=dict.fromkeys(pixels, 0.5), class_pixels=pixels)
    tables, results = open_results(made)
    labels = class_gains_figure(tables.figure("figure1"), results).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["sky", "car", "road"]


def test_examples_tell_the_labelled_pixels_that_are_right_and_the_mean_gates(campaign):
    made = campaign(tables=[], figures=["figure4"])
    label = np.zeros((32, 64), np.uint8)
    label[:16] = 255  # right or wrong, these are not counted
    wrong = np.where(np.arange(64) < 16, 1, 0).astype(np.uint8)
    gate = np.tile(np.float32([0.25, 0.25, 1.0, 1.0]), (2, 1))
    arrays = {"names": np.array(["a"]), "image_0": np.zeros((32, 64, 3), np.uint8), "label_0": label}
    arrays |= {"prediction_0": np.tile(wrong, (32, 1))} | {f"gate_0_{block}": gate for block in range(3)}
    tables, results = open_results(made)
    for run in tables.figure("figure4").runs.values():
        np.savez_compressed(made.results / run / "seed0/examples.npz", **arrays)
    found = texts(photo_figure(tables.figure("figure4"), results))
    assert found.count("75.0 % of pixels right") == 2
    assert found.count("mean 0.62") == 3  # 0.625, to the even digit


def test_gates_are_shown_for_each_block_in_the_classes_that_occur(campaign, tmp_path):
    made = campaign(**SMALL)
    assert "not drawn yet; needs: acb3 (gates)" in texts(gates_figure("acb3", open_results(made)[1]))
    write_gates(made.results / "acb3/seed0", blocks=2)
    found = texts(gates_figure("acb3", open_results(made)[1]))
    assert {"block 1, 1/16 (α 0.80, β 1.20)", "block 2, 1/16 (α 0.80, β 1.20)", "shuffled"} <= set(found)
    names = load("cityscapes").names
    # The most open one first; the absent one is left out.
    assert list(dict.fromkeys(text for text in found if text in names)) == list(names[-2::-1])
    paths = write_gates_files(made.report)
    assert [path.name for path in paths] == [
        "gates.png", "gates.pdf", "gates_runs.png", "gates_runs.pdf", "gates.csv"
    ]  # fmt: skip
    first = [path.read_bytes() for path in paths]
    assert first == [path.read_bytes() for path in write_gates_files(made.report)]


def test_the_gates_of_every_run_are_drawn_and_listed(campaign):
    made = campaign(**SMALL)
    write_gates(made.results / "acb3/seed0", blocks=2, far_minus_near=(0.1, 0.3, -0.25, -0.15))
    (made.results / "gcm_d5_s16/seed0").mkdir(parents=True, exist_ok=True)
    write_gates(made.results / "gcm_d5_s16/seed0", blocks=1)
    found = measured_gates(["fcn_s16", "gcm_d5_s16", "acb3"], open_results(made)[1])
    assert list(found) == [("gcm_d5_s16", 0), ("acb3", 0)]
    figure = gates_runs_figure(found, 0.95)
    assert {"gcm_d5_s16", "acb3", "block 1", "block 2"} <= set(texts(figure))
    marks = [line for line in figure.axes[1].lines if line.get_marker() in ("o", "s")][:3]
    # The gate's contrast less the shuffled one's, its interval, and the first block above the second.
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([10, -20, -20])
    assert [line.get_ydata()[0] for line in marks] == pytest.approx([0, 0.88, 1.12])
    spans = [list(line.get_xdata()) for line in figure.axes[1].lines if line.get_linewidth() == 1.1]
    assert spans == [pytest.approx([5, 15]), pytest.approx([-25, -15]), pytest.approx([-25, -15])]
    rows = list(csv.DictReader(gates_csv(found).splitlines()))
    assert len(rows) == 3 * (19 + 3 + 3 + 2)
    contrast = [row for row in rows if (row["run"], row["block"], row["group"]) == ("acb3", "2", "far_minus_near")]
    assert [(row["gate"], row["shuffled"], row["low"], row["high"]) for row in contrast] == [
        ("0.1", "0.3", "-0.25", "-0.15")
    ]
    assert (contrast[0]["alpha"], contrast[0]["beta"]) == ("0.8", "1.2")
    absent = next(row for row in rows if row["group"] == "bicycle")
    assert (absent["gate"], absent["pixels"]) == ("", "0")
    assert "no gated network" in " ".join(texts(gates_runs_figure({}, 0.95)))


def test_the_gates_of_several_seeds_are_their_mean_with_a_t_interval(campaign):
    made = campaign(**SMALL, seeds=[0, 1])
    for seed, gate in enumerate((0.1, 0.3)):
        write_gates(made.results / f"acb3/seed{seed}", blocks=1, far_minus_near=(gate, 0.0, -1, 1))
    figure = gates_runs_figure(measured_gates(["acb3"], open_results(made)[1]), 0.95)
    drawn = [list(line.get_xdata()) for line in figure.axes[1].lines[1:4]]
    half = 12.7062 * 20 / 2  # t of one degree of freedom, times the standard error of two values 20 apart
    assert drawn == [pytest.approx([10, 30]), pytest.approx([20 - half, 20 + half], rel=1e-4), pytest.approx([20])]
    change_beta = made.results / "acb3/seed1/gates.json"
    change_beta.write_text(change_beta.read_text().replace('"beta": 1.2', '"beta": 2.2'))
    assert "block 1, 1/16 (α 0.80, β 1.70)" in texts(gates_figure("acb3", open_results(made)[1]))


def test_the_gates_of_one_run_are_drawn_by_name(campaign):
    made = campaign(**SMALL)
    (made.results / "gcm_d5_s16/seed0").mkdir(parents=True, exist_ok=True)
    write_gates(made.results / "gcm_d5_s16/seed0", blocks=1)
    paths = write_gates_files(made.report, run="gcm_d5_s16")
    assert [path.name for path in paths] == ["gates_gcm_d5_s16.png", "gates_gcm_d5_s16.pdf"]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("acb4", "run 'acb4': {params}/runs.yaml has no such entry; did you mean 'acb"),
        ("fcn_s16", "run fcn_s16 has no distance gate; name a run with global_context: gcm"),
        ("acb3", "run 'acb3': not trained here"),
        ("gcm_d5_s16", "{results}/mini/gcm_d5_s16/seed0/gates.json: not found; `acnet gates --params"),
    ],
)
def test_a_run_whose_gates_cannot_be_drawn_is_refused_and_nothing_written(tmp_path, root, capsys, run, said):
    params, results, reports = root / "params", tmp_path / "results", tmp_path / "reports"
    (results / "mini/gcm_d5_s16/seed0").mkdir(parents=True)
    (results / "mini/gcm_d5_s16/seed0/checkpoint.pt").touch()
    roots = [f"--params-root={params}", f"--results-root={results}", f"--reports-root={reports}"]
    assert main([*roots, "report", "gates", "--scale", "mini", "--run", run]) == 2
    line = capsys.readouterr().err
    assert line.startswith("acnet: " + said.format(params=params, results=results)) and line.count("\n") == 1
    assert not reports.exists()
