"""What `acnet plan` and `acnet benchmark` say."""

import re

import pytest
import torch
from torch import nn

from acnet.cli import _parser, main
from acnet.errors import AcnetError
from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.progress import operations
from acnet.watch import plan
from acnet.watch.measure import ceiling, flops_per_image
from acnet.watch.plan import estimate, planned_runs, protocols_of
from acnet.watch.shell import shell_commands
from tests.tiny import tiny_run


@pytest.fixture
def campaign(root):
    return Campaign(root / "params", "mini")


def test_flops_are_three_times_those_of_the_convolutions_but_for_the_first_ones_input():
    run = tiny_run(crop=[64, 96], auxiliary=False)
    network = build_network(run.model, run.classes).train()
    forward = {}

    def count(layer, inputs, output):
        forward[layer] = 2 * output[0].numel() * layer.weight[0].numel()

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    network(torch.zeros(2, 3, 64, 96))
    # The images need no gradient.
    first = forward[network.backbone.conv1]
    assert flops_per_image(run) == 3 * sum(forward.values()) - first


def test_the_ceiling_is_a_believable_number_of_operations_per_second():
    assert 1e8 < ceiling(torch.device("cpu"), "float32", size=128, repeat=2) < 1e14


def test_a_target_needs_its_runs_and_what_they_are_fine_tuned_from_first(campaign):
    assert planned_runs(campaign, ["table4"])[-2:] == ["r101_ohem", "r101_ohem_trainval"]
    assert len(planned_runs(campaign, None)) == 28


def test_a_target_that_the_scale_lacks_is_refused_with_those_it_has(root):
    with pytest.raises(AcnetError, match="target 'table5': scale 'camvid' has table1, table2"):
        planned_runs(Campaign(root / "params", "camvid"), ["table5"])


def test_steps_and_images_are_those_of_the_recipe(root, tmp_path):
    paper = Campaign(root / "params", "paper")
    entry = estimate(paper, ["fcn_s16"], 0, tmp_path)[0][0]
    assert entry.steps == 180 * (2975 // 8)
    assert entry.images == entry.steps * 8
    assert entry.seconds is None
    assert 3e17 < entry.flops < 5e17  # some 0.7 TFLOP for each crop of 768


def test_calibrated_hours_count_the_start_of_every_job(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "start_seconds", lambda module: 1000.0)
    (entry,), device = estimate(campaign, ["fcn_s16"], 1, tmp_path)
    assert device.startswith("CPU")
    assert 1000 < entry.seconds < 2000
    assert 2000 < entry.evaluation < 3000  # two protocols


def test_the_plan_says_what_its_hours_rest_on(root, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(plan, "start_seconds", lambda module: 1.0)
    monkeypatch.setattr(plan, "seconds_per_flop", lambda of, steps: (1e-11, "CPU, 1 thread(s)"))
    main([f"--params-root={root}/params", f"--data-root={tmp_path}", "plan", "--scale", "paper", "--target", "table4"])
    said = capsys.readouterr().out
    assert "this rests on 3 steps measured here of each of 1 kinds of training" in said
    assert "too large for this device and scaled by FLOPs from smaller steps: batch 2, crop " in said


def test_a_plan_without_measuring_says_what_the_recorded_hours_are_of_and_how_to_get_better_ones(root, capsys):
    main([f"--params-root={root}/params", "plan", "--scale", "paper", "--target", "table4", "--calibrate", "0"])
    *_, recorded, better = capsys.readouterr().out.splitlines()
    assert recorded.startswith("recorded on ") and ", true of it alone: training " in recorded
    assert "nothing is measured on this machine; `acnet plan --scale paper` measures" in better


def test_flops_at_a_sustained_speed_are_hours(root, capsys):
    words = ["plan", "--scale", "paper", "--target", "table4", "--tflops", "37.5"]
    assert main([f"--params-root={root}/params", *words]) == 0
    said = capsys.readouterr().out
    hours, minutes = map(int, re.search(r"at 37.5 TFLOP/s sustained, .*: (\d+) h (\d+) min", said).groups())
    flops = float(re.search(r"([\d.]+) EFLOP, [\d.]+ GiB", said)[1]) * 1e18
    assert hours + minutes / 60 == pytest.approx(flops / 37.5e12 / 3600, rel=0.01)
    assert "nothing is measured" not in said


@pytest.mark.parametrize(
    ("count", "said"), [(3e8, "0.3 GFLOP"), (14.1e12, "14.1 TFLOP"), (302.4e15, "302 PFLOP"), (22.46e18, "22.5 EFLOP")]
)
def test_operations_are_said_with_their_unit(count, said):
    assert operations(count) == said


def test_the_commands_of_a_scale_come_in_an_order_in_which_each_finds_what_it_needs(campaign):
    lines = shell_commands(campaign, planned_runs(campaign, None))
    trained = [line.split("/")[2] for line in lines if line.startswith("acnet train")]
    assert len(trained) == 28
    assert trained.index("r101_ohem") < trained.index("r101_ohem_trainval")
    assert lines.index("acnet data generate mini_ade20k") < lines.index("acnet data prepare mini_ade20k")
    evaluated = next(line for line in lines if line.startswith("acnet evaluate") and "/r101_ohem/" in line)
    assert [f"--protocol {name}" in evaluated for name in protocols_of(campaign, "r101_ohem")] == [True] * 3
    assert "acnet gates --params results/mini/acb3/seed0/params.yaml --protocol single" in lines
    assert not any(line.startswith("acnet gates") and "/fcn_s16/" in line for line in lines)
    assert lines.index("acnet report gates --scale mini") < lines.index("acnet report page --scale mini")
    assert lines[-1] == "acnet report page --scale mini"


def test_the_commands_are_ones_that_acnet_knows(campaign, root, capsys):
    main([f"--params-root={root}/params", "plan", "--commands", "--target", "table2"])
    lines = capsys.readouterr().out.splitlines()
    for line in lines:
        _parser().parse_args(line.split()[1:])
    assert any("gcm_lcm2" in line for line in lines)
    assert not any("ade_fcn" in line for line in lines)
