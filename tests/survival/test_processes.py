"""Training by several processes: the same result as by one, and an end together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.survival.processes import run_steps
from tests.tiny import curve, prepare, tiny_run, weights, write_params

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare(folder)
    return folder


def difference(found: dict, expected: dict) -> float:
    """Norm of the difference over the norm, of all tensors together."""
    apart = sum((found[name] - value).double().square().sum() for name, value in expected.items())
    return float((apart / sum(value.double().square().sum() for value in expected.values())).sqrt())


@pytest.mark.parametrize(
    "how",
    [{"ohem": True, "ohem_threshold": 0.15, "ohem_keep": 0.3}, {"gate": "shuffled"}, {"gate": "constant"}],
    ids=["ohem", "shuffled", "constant"],
)
def test_one_two_and_four_processes_agree_in_float64(tmp_path, data, how):
    alone = run_steps(1, tmp_path / "1.pt", data, torch.float64, 6, **how)
    for size in (2, 4):
        found = run_steps(size, tmp_path / f"{size}.pt", data, torch.float64, 6, **how)
        assert difference(found["gradients"], alone["gradients"]) < 1e-9
        assert difference(found["weights"], alone["weights"]) < 1e-6
        assert torch.allclose(torch.stack(found["losses"]), torch.stack(alone["losses"]), rtol=1e-6, equal_nan=True)


def test_one_two_and_four_processes_agree_in_float32(tmp_path, data):
    how = {"crop": [64, 80], "ohem": True, "ohem_threshold": 0.15, "ohem_keep": 0.3}
    alone = run_steps(1, tmp_path / "1.pt", data, torch.float32, 1, **how)
    for size in (2, 4):
        found = run_steps(size, tmp_path / f"{size}.pt", data, torch.float32, 1, **how)
        # The forward passes are the same, bit by bit; only the sums over the batch round in another order.
        assert difference(found["gradients"], alone["gradients"]) < 1e-5
        assert torch.allclose(found["losses"][0], alone["losses"][0], rtol=1e-6, atol=0, equal_nan=True)


def test_under_accumulation_two_processes_agree_with_one(tmp_path, data):
    how = {"accumulate": 2, "ohem": True, "ohem_threshold": 0.15, "ohem_keep": 0.3}
    alone = run_steps(1, tmp_path / "1.pt", data, torch.float64, 3, **how)
    both = run_steps(2, tmp_path / "2.pt", data, torch.float64, 3, **how)
    assert difference(both["gradients"], alone["gradients"]) < 1e-9
    assert difference(both["weights"], alone["weights"]) < 1e-9
    whole = run_steps(1, tmp_path / "3.pt", data, torch.float64, 1, **{**how, "accumulate": 1})
    assert difference(whole["gradients"], alone["gradients"]) > 1e-6  # BN and OHEM saw a micro-batch at a time


def torchrun(params: Path, data: Path) -> subprocess.Popen:
    """`acnet train` in two processes: it replaces itself by torchrun."""
    command = [sys.executable, "-m", "acnet", f"--data-root={data}", "train", f"--params={params}", "--processes=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def workers(agent: int) -> list[int]:
    """The processes of a torchrun that train: with a rank in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == agent and b"\0LOCAL_RANK=" in b"\0" + (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except (OSError, IndexError, ValueError):
            continue
    return sorted(found)


def wait_for(what, seconds: float = 90):
    """The first true value of `what`, within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := what():
            return value
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def finish(job: subprocess.Popen) -> str:
    """What a training said that must end well."""
    said = job.communicate(timeout=240)[1]
    assert job.returncode == 0, said
    return said


def test_one_worker_dying_ends_all_within_a_minute_and_asked_again_the_run_is_as_if_undisturbed(tmp_path, data):
    params = tiny_run(epochs=20, save_minutes=0.005)
    folder = tmp_path / "tiny" / "seed0"
    file = write_params(folder, params)
    job = torchrun(file, data)
    wait_for(lambda: list((folder / "resume").glob("state-*.pt")))
    victim = workers(job.pid)[-1]
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    said = job.communicate(timeout=60)[1]
    assert time.monotonic() - began < 60
    assert job.returncode != 0
    assert "SIGKILL" in said
    assert not (folder / "checkpoint.pt").exists()
    assert "resuming at step" in finish(torchrun(file, data))
    assert not (folder / "resume").exists()
    undisturbed = tmp_path / "undisturbed" / "seed0"
    assert "resuming" not in finish(torchrun(write_params(undisturbed, params), data))
    found, expected = weights(folder), weights(undisturbed)
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)
    assert curve(folder) == curve(undisturbed) and curve(folder)[-1].startswith(f"{20 * 3},")


def test_sigterm_to_torchrun_saves_in_all_processes_together(tmp_path, data):
    folder = tmp_path / "tiny" / "seed0"
    job = torchrun(write_params(folder, tiny_run(epochs=60)), data)
    wait_for((folder / "resume" / "progress.json").exists)
    job.send_signal(signal.SIGTERM)
    said = job.communicate(timeout=60)[1]
    assert "stopped by a signal at step" in said
    assert len(list((folder / "resume").glob("state-*.pt"))) == 1
