"""What a step costs, and what follows for a whole run: by hand, with a clock and an arithmetic of the test's own."""

from types import SimpleNamespace

import pytest
import torch
from acnet.watch.plan import Planned

from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.params.protocols import Protocol
from acnet.watch import calibration, measure, plan
from acnet.watch.measure import Cost
from tests.tiny import tiny_run


def test_the_time_of_a_step_and_its_share_of_waiting_leave_the_warm_up_out(monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def step(self, *how):
        clock.now += 3

    def batches(run, device):
        for number in range(6):
            clock.now += 60 if number < 2 else 1
            yield torch.zeros(2, 3, 32, 32), torch.zeros(2, 32, 32, dtype=torch.int64)

    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(measure.TrainingStep, "__call__", step)
    monkeypatch.setattr(measure, "_random", batches)
    monkeypatch.setattr(measure, "ceiling", lambda *_: 1e9)
    run = tiny_run()
    cost = measure.measure(run, None, steps=4, warm_up=2)
    assert (cost.seconds, cost.waiting, cost.images) == (4.0, 0.25, 2)
    assert cost.images_per_second == 0.5
    assert cost.flops_per_image == measure.flops_per_image(run)
    assert cost.share_of_ceiling == pytest.approx(2 * cost.flops_per_image / 4 / 1e9)


def test_the_ceiling_is_that_of_the_fastest_product_after_the_first_two(monkeypatch):
    times = iter([0.1, 0.1, 4.0, 2.0, 8.0])
    monkeypatch.setattr(measure, "_timed", lambda work, device: next(times))
    assert measure.ceiling(torch.device("cpu"), "float32", size=10, repeat=3) == 2 * 10**3 / 2.0


def test_a_kind_of_run_takes_its_time_by_the_flop_and_four_bytes_by_the_weight(monkeypatch):
    run = tiny_run()
    numbers = sum(tensor.numel() for tensor in build_network(run.model, run.classes).state_dict().values())
    assert calibration.arithmetic(calibration.kind(run)) == (measure.flops_per_image(run), 4 * numbers)
    monkeypatch.setattr(measure, "measured", lambda *_, **__: Cost("CPU", 8, 4.0, 0.0, None, 100, 1.0))
    calibration.seconds_per_flop.cache_clear()
    assert calibration.seconds_per_flop(calibration.kind(run), 3) == (4.0 / 800, "CPU")
    calibration.seconds_per_flop.cache_clear()


@pytest.fixture
def mini(root):
    return Campaign(root / "params", "mini")


def test_a_run_costs_its_steps_and_the_forward_passes_of_its_protocols(mini, monkeypatch, tmp_path):
    monkeypatch.setattr(plan, "arithmetic", lambda of: (3000, 40))
    monkeypatch.setattr(plan, "seconds_per_flop", lambda of, steps: (0.5, "CPU"))
    monkeypatch.setattr(plan, "start_seconds", lambda module: {"acnet.evaluate.evaluate": 7.0}.get(module, 11.0))
    monkeypatch.setattr(plan, "protocols_of", lambda campaign, run: ["once", "twice"])
    monkeypatch.setattr(mini, "protocol", lambda name, run: Protocol(name=name, scales=[1.0], mirror=name == "twice"))
    (entry,), device = plan.estimate(mini, ["fcn_s16"], 1, tmp_path)
    steps = 50 * (48 // 8)
    training, evaluation = 3000 * steps * 8, 1000 * 3 * 2 * 16  # 64 x 128 pixels are two crops, seen three times
    expected = Planned(
        "fcn_s16", 1, steps, 8 * steps, training + evaluation, 11 + training / 2, 14 + evaluation / 2, 40, evaluation
    )
    assert (device, entry) == ("CPU", expected)
    fast = entry.at(2.0)
    assert (fast.seconds, fast.evaluation) == (training / 2e12, evaluation / 2e12)


def test_every_scale_and_the_flip_of_a_protocol_pass_through_the_network():
    protocol = Protocol(name="multi_flip", scales=[0.5, 1.0], mirror=True)
    assert plan._pixels(protocol, (64, 128)) == 2 * (32 * 64 + 64 * 128)


def test_the_other_jobs_take_little_more_than_their_start(mini, monkeypatch):
    starts = {"acnet.report.figures": 10_000.0, "acnet.data.prepare": 100.0, "acnet.cli": 1.0}
    monkeypatch.setattr(plan, "start_seconds", starts.get)
    # 8 tables, 3 figures, curves, claims and page; 4 sets made and prepared; 28 runs resolved.
    assert plan.other_seconds(mini) == 14 * 10_000 + 8 * 100 + 28
