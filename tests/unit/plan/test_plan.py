"""What `acnet plan` and `acnet benchmark` say."""

import json
import re
import sys

import pytest
import torch
from torch import nn

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.plan.cost import estimate, run_cost
from acnet.plan.jobs import Job, campaign_jobs, trained_seeds
from acnet.plan.measure import ceiling, flops_per_image
from acnet.progress import operations
from tests.tiny import tiny_run


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


def trained(jobs):
    return [job.run for job in jobs.values() if job.rule == "train"]


def test_a_target_needs_its_runs_and_what_they_are_fine_tuned_from_first(root):
    jobs = campaign_jobs(root, "mini", ["table4"])
    assert trained(jobs) == ["r101_ohem", "r101_ohem_trainval"]
    assert "train r101_ohem/0" in jobs["train r101_ohem_trainval/0"].after
    assert len(trained(campaign_jobs(root, "mini"))) == 28


def test_seeds_restored_from_records_are_not_planned():
    jobs = [Job(f"train gc/{seed}", "train", "gc", seed) for seed in (2, 1)]
    jobs += [Job("train fcn/0", "train", "fcn", 0), Job("evaluate gc/0 single", "evaluate", "gc", 0, "single")]
    assert trained_seeds(jobs) == {"gc": [1, 2], "fcn": [0]}


def test_jobs_stand_after_those_they_wait_for(root):
    known = set()
    for job in campaign_jobs(root, "mini").values():
        assert set(job.after) <= known, job.name
        known.add(job.name)


def test_a_target_that_the_scale_lacks_is_refused_in_one_line(root):
    with pytest.raises(AcnetError, match=r"Snakemake refuses: .*table5"):
        campaign_jobs(root, "camvid", ["table5"])


def test_a_folder_without_a_workflow_is_named(tmp_path):
    with pytest.raises(AcnetError, match="Snakefile: not found"):
        campaign_jobs(tmp_path, "mini")


def test_without_snakemake_a_plan_is_refused_in_one_line(root, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "snakemake.api", None)
    assert main([f"--params-root={root}/params", "plan"]) == 2
    assert "acnet: a plan asks Snakemake for the jobs, and it is not installed" in capsys.readouterr().err


def test_steps_images_and_operations_are_those_of_the_recipe(root, tmp_path):
    paper = Campaign(root / "params", "paper")
    run = run_cost(paper, "fcn_s16")
    assert run.steps == 180 * (2975 // 8)
    assert run.images == run.steps * 8
    assert 3e17 < run.flops < 5e17  # some 0.7 TFLOP for each crop of 768
    jobs = {rule: Job(rule, rule, "fcn_s16", 0, name) for rule, name in (("train", None), ("evaluate", "single"))}
    counted = estimate(paper, jobs, tmp_path, 0).jobs
    assert counted["train"].flops == run.flops
    # 1024 x 2048 pixels are 2 x 4 windows of the crop's size, and forward is a third of a step.
    assert counted["evaluate"].flops == pytest.approx(run.flops / run.images / 3 * 500 * 8)


def test_a_protocol_with_a_split_of_its_own_costs_that_splits_images(root, tmp_path):
    camvid = Campaign(root / "params", "camvid")
    jobs = {name: Job(name, "evaluate", "fcn_s16", 0, name) for name in ("single", "single_val")}
    flops = {name: job.flops for name, job in estimate(camvid, jobs, tmp_path, 0).jobs.items()}
    assert flops["single_val"] / flops["single"] == pytest.approx(101 / 233)


def test_flops_at_a_sustained_speed_are_hours(root, capsys):
    plan = [f"--params-root={root}/params", "plan", "--scale", "paper", "--target", "table4", "--tflops", "37.5"]
    assert main(plan) == 0
    said = capsys.readouterr().out
    hours, minutes = map(int, re.search(r"at 37.5 TFLOP/s sustained, .*?: (\d+) h (\d+) min", said).groups())
    flops = float(re.search(r"([\d.]+) EFLOP, [\d.]+ GiB", said)[1]) * 1e18
    assert hours + minutes / 60 == pytest.approx(flops / 37.5e12 / 3600, rel=0.01)
    parts = re.compile(r"\(training (.+?), evaluation (.+?)\)$", re.MULTILINE)
    training, evaluation = parts.search(said).groups()
    assert main([*plan, "75"]) == 0
    said = capsys.readouterr().out
    assert "at 37.5 TFLOP/s (evaluation 75) sustained" in said
    assert parts.search(said)[1] == training and parts.search(said)[2] != evaluation
    assert main([*plan, "75", "3"]) == 2
    assert "--tflops takes one number, or two" in capsys.readouterr().err
    assert main([*plan, "75", "--gpus", "4"]) == 2
    assert "--gpus: needs --profile" in capsys.readouterr().err


def test_json_holds_jobs_with_their_order_and_no_seconds_without_a_speed(root, capsys):
    plan = [f"--params-root={root}/params", "plan", "--scale", "mini", "--target", "table4", "--json"]
    assert main([*plan, "--calibrate", "0"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said["runs"]) == ["r101_ohem", "r101_ohem_trainval"] and said["device"] is None
    jobs = {job["name"]: job for job in said["jobs"]}
    assert "train r101_ohem/0" in jobs["train r101_ohem_trainval/0"]["after"]
    assert {job["seconds"] for job in said["jobs"]} == {None}
    assert jobs["train r101_ohem/0"]["flops"] == said["runs"]["r101_ohem"]["flops"] > 1e9
    with pytest.raises(SystemExit):
        main([*plan, "--commands"])
    assert "argument --commands: not allowed with argument --json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "said"), [(3e8, "0.3 GFLOP"), (14.1e12, "14.1 TFLOP"), (302.4e15, "302 PFLOP"), (22.46e18, "22.5 EFLOP")]
)
def test_operations_are_said_with_their_unit(count, said):
    assert operations(count) == said
