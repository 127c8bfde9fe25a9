"""How large networks are and what they cost, beside their numbers; and the table of controls."""

import csv
import shutil

import pytest
import torch
from fabricated import change, write_metrics, write_params
from torch import nn

from acnet.model import build_network, count_parameters
from acnet.params.campaign import Campaign
from acnet.plan.measure import parameters_and_flops
from acnet.report.cost import cost_figure, front, write_cost
from acnet.report.scale import scale_info
from acnet.report.tables import write_table


def test_flops_are_those_of_the_convolutions_for_one_image(root):
    run = Campaign(root / "params", "mini").resolve("acb3_auxiliary", 0)
    network, found = build_network(run.model, run.classes).eval(), []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, _, out: found.append(2 * out.numel() * layer.weight[0].numel()))
    network(torch.zeros(1, 3, 64, 64))
    assert parameters_and_flops(run) == (count_parameters(network), sum(found))


def test_a_row_of_two_networks_shows_both_costs(campaign, monkeypatch):
    made = campaign(tables=["table1"], figures=[])
    flops = {"gc_s16": 3 * 10**9, "gc_s8": 4 * 10**9}
    monkeypatch.setattr("acnet.plan.measure.parameters_and_flops", lambda run: (7_000_000, flops.get(run.name, 10**9)))
    csv_file, md, _ = write_table("table1", made.report)
    assert "| Res-50+GC | 7.00 M | 3 G / 4 G | " in md.read_text()
    with open(csv_file, newline="") as file:
        found = {(row["row"], row["column"]): (row["parameters"], row["flops"]) for row in csv.DictReader(file)}
    assert found["gc", "os8"] == ("7000000", "4000000000")


def test_the_size_is_of_the_network_that_was_trained(campaign, monkeypatch):
    made = campaign(tables=["table1"], figures=[])
    monkeypatch.setattr("acnet.plan.measure.parameters_and_flops", lambda run: (run.model.base_width, run.train.epochs))
    assert made.report.size("gc_s16") == (8, 30)  # as its params.yaml says; at mini 16 and 50
    shutil.rmtree(made.results / "gc_s16")
    assert made.report.size("gc_s16") == (16, 50)


def test_a_table_on_request_of_networks_that_others_show_can_be_drawn(campaign, root, tmp_path):
    params = shutil.copytree(root / "params", tmp_path / "params")
    tables = (params / "tables.yaml").read_text()
    mine = """
  mine:
    title: Mine
    description: Mine.
    on_request: true
    protocol: single
    columns: {miou: {label: mIoU, metric: miou}}
    rows: [{key: gc, method: GC, ours: gc_s16}]

figures:"""
    (params / "tables.yaml").write_text(tables.replace("\nfigures:", mine))
    settings, results = Campaign(params, "mini"), campaign(figures=[]).roots["results_root"]
    assert "mine" in scale_info(settings, results).tables
    assert "mine" not in scale_info(settings, tmp_path / "none").tables


def test_a_table_of_scores_on_val_needs_a_dataset_with_val(root, tmp_path):
    params = shutil.copytree(root / "params", tmp_path / "params")
    assert "pooling" in Campaign(params, "msrc21").on_request()
    before, after = (params / "datasets.yaml").read_text().split("\nmsrc21:")
    without = after.replace(" val: 59,", "", 1).replace("  fine_tune: val\n", "", 1)
    (params / "datasets.yaml").write_text(f"{before}\nmsrc21:{without}")
    assert "pooling" not in Campaign(params, "msrc21").on_request()


@pytest.fixture
def controls(campaign, root):
    """A campaign in which the controls, and nothing else of their table, may be measured."""
    made = campaign()

    def tables(run=None, protocol="single"):
        if run:
            folder = made.results / run / "seed0"
            write_params(folder, "mini", run, 0, "cityscapes")
            write_metrics(folder, "mini", run, 0, protocol, "cityscapes")
        made.scale = scale_info(Campaign(root / "params", "mini"), made.roots["results_root"])
        return made.scale.tables[8:]

    tables.made = made
    return tables


def test_controls_are_shown_once_one_is_at_hand(controls):
    assert controls() == [], "the networks of the paper that stand beside them are measured here"
    assert 'id="controls"' not in controls.made.page()
    assert controls("lc3") == ["controls"]
    page = controls.made.page()
    assert '<section id="controls"' in page and 'id="run-lc3"' in page


@pytest.mark.parametrize("protocol", ["single_constant_gate", "single_shuffled_gate"])
def test_so_is_a_network_of_the_paper_with_its_gates_changed(controls, protocol):
    assert controls("acb1", protocol) == ["controls"]


def test_a_table_without_numbers_of_the_paper_has_no_column_for_them(controls):
    controls("lc3")
    change(controls.made.results, "lc3", miou=0.5)
    _, md, tex = write_table("controls", controls.made.report)
    lines = md.read_text().splitlines()
    assert lines[0] == "### Controls. What the paper does not control for"
    assert "| Method | Parameters | FLOPs | mIoU, ours |" in lines
    assert "| Res-50+GCM+LC, three fusions | 32.96 M | 189 G | **50.00** |" in lines
    assert "| Res-50+GCM+LCM(3), gate constant | 32.96 M | 189 G | not run |" in lines
    assert "paper" not in tex.read_text().partition(r"\toprule")[2].partition(r"\bottomrule")[0]


@pytest.fixture
def peers(campaign):
    """A campaign of three seeds with the table of other systems."""
    made = campaign(tables=["peers"], figures=[], seeds=[0, 1, 2])
    for seed in range(3):
        for run, score in (("acb3", 0.5), ("pspnet", 0.52), ("danet", 0.47), ("encnet", 0.5 + 0.1 * (seed - 1))):
            change(made.results, run, seed=seed, miou=score + 0.001 * seed)
    return made


def test_other_systems_are_judged_by_their_differences_from_acnet(peers):
    lines = write_table("peers", peers.report)[1].read_text().splitlines()
    ends = {line.split("|")[1].strip(): line.rsplit("|", 2)[1].strip() for line in lines if line.startswith("| ")}
    assert ends["Method"] == "minus ACNet (Res-50+ACB#3)"
    found = [ends[name] for name in ("ACNet (Res-50+ACB#3)", "PSPNet", "DANet", "EncNet", "ResNet-38")]
    assert found == ["", "+2.00, better", "−3.00, worse", "0.00, undecided", ""]


def test_one_seed_shows_a_difference_and_no_verdict(campaign):
    made = campaign(tables=["peers"], figures=[])
    change(made.results, "acb3", miou=0.5)
    change(made.results, "danet", miou=0.47)
    assert "−3.00, not judged (one seed) |" in write_table("peers", made.report)[1].read_text()


def test_the_front_joins_the_networks_that_no_other_beats_in_score_and_cost():
    points = {
        "dear": (9.0, 80.0),
        "cheap": (1.0, 60.0),
        "worse": (2.0, 60.0),
        "same cost": (4.0, 69.0),
        "good": (4.0, 70.0),
    }
    assert front(points) == ["cheap", "good", "dear"]


def test_rows_of_equal_names_are_points_of_their_own(campaign):
    axes = cost_figure("table5", campaign(figures=[]).report).axes[0]
    assert [text.get_text() for text in axes.texts].count("ACNet") == 2


def test_scores_under_different_settings_are_not_drawn_over_cost(peers):
    change(peers.results, "danet", protocol={"name": "single", "flip": True})
    texts = [text.get_text() for text in cost_figure("peers", peers.report).texts]
    assert texts[-1] == "not drawn yet; needs: equal settings of danet (single)"


def test_the_page_shows_the_scores_over_cost_once_drawn(peers):
    alt = 'alt="Other methods as heads, with one recipe: scores against FLOPs"'
    assert alt not in peers.page()
    assert [path.name for path in write_cost("peers", peers.report)] == [
        "peers_cost.png",
        "peers_cost.pdf",
    ]
    assert alt in peers.page()
