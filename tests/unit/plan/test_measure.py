"""What a step costs, and what follows for a whole run: by hand, with a clock and an arithmetic of the test's own."""

from types import SimpleNamespace

import pytest
import torch

from acnet.model import build_network
from acnet.params.campaign import Campaign
from acnet.params.protocols import Protocol
from acnet.plan import cost, measure
from acnet.plan.jobs import Job
from acnet.plan.measure import Cost
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
    run = tiny_run()
    found = measure.measure(run, None, steps=4, warm_up=2)
    assert (found.seconds, found.waiting, found.images) == (4.0, 0.25, 2)
    assert found.images_per_second == 0.5
    assert found.flops_per_image == measure.flops_per_image(run)
    assert found.flops_per_second == pytest.approx(2 * found.flops_per_image / 4)


def test_the_ceiling_is_that_of_the_fastest_product_after_the_first_two(monkeypatch):
    times = iter([0.1, 0.1, 4.0, 2.0, 8.0])
    monkeypatch.setattr(measure, "_timed", lambda work, device: next(times))
    assert measure.ceiling(torch.device("cpu"), "float32", size=10, repeat=3) == 2 * 10**3 / 2.0


def test_the_time_of_a_test_image_is_the_median_after_the_first_two(monkeypatch):
    times = iter([9.0, 9.0, 4.0, 2.0, 3.0])
    seen = []

    def timed(work, device):
        seen.append(work()["logits"].shape)
        return next(times)

    monkeypatch.setattr(measure, "_timed", timed)
    run = tiny_run()
    assert measure.inference_seconds(run, repeat=3) == 3.0
    assert set(seen) == {(1, run.classes, *run.train.crop)}


def test_a_kind_of_run_takes_its_time_by_the_flop_and_four_bytes_by_the_weight(monkeypatch):
    run = tiny_run()
    numbers = sum(tensor.numel() for tensor in build_network(run.model, run.classes).state_dict().values())
    assert measure.arithmetic(measure.kind_of(run)) == (measure.flops_per_image(run), 4 * numbers)
    monkeypatch.setattr(measure, "measure", lambda *_, **__: Cost("CPU", 8, 4.0, 0.0, None, 300))
    monkeypatch.setattr(measure, "inference_seconds", lambda run, steps: 5.0)
    measure.seconds_per_flop.cache_clear()
    assert measure.seconds_per_flop(measure.kind_of(run), 3) == (4.0 / 2400, 5.0 / 100, "CPU")
    measure.seconds_per_flop.cache_clear()


@pytest.fixture
def mini(root):
    return Campaign(root / "params", "mini")


def test_a_run_costs_its_steps_and_the_forward_passes_of_its_protocols(mini, monkeypatch, tmp_path):
    monkeypatch.setattr(cost, "arithmetic", lambda kind: (3000, 40))
    monkeypatch.setattr(cost, "seconds_per_flop", lambda kind, steps: (0.5, 0.25, "CPU"))
    monkeypatch.setattr(mini, "protocol", lambda name, run: Protocol(name=name, scales=[1.0], flip=name == "twice"))
    jobs = {name: Job(name, "evaluate", "fcn_s16", 0, name) for name in ("once", "twice")}
    found = cost.estimate(mini, {"train": Job("train", "train", "fcn_s16", 0), **jobs}, tmp_path, 1)
    steps = 50 * (48 // 8)
    training, forward = 3000 * steps * 8, 1000 * 2 * 16  # 64 x 128 pixels are two crops
    assert found.runs == {"fcn_s16": cost.RunCost(steps, 8 * steps, training, 40)}
    seconds = (training / 2, forward / 4, 2 * forward / 4)
    assert [job.seconds for job in found.jobs.values()] == [cost.START + spent for spent in seconds]
    assert found.device == "CPU"


def test_every_scale_and_the_flip_of_a_protocol_pass_through_the_network():
    protocol = Protocol(name="multi_flip", scales=[0.5, 1.0], flip=True)
    assert cost._pixels(protocol, (64, 128)) == 2 * (32 * 64 + 64 * 128)
