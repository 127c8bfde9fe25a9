"""GPUs leased to processes of one machine, by pretend devices."""

import subprocess
import sys

import pytest

from acnet import gpu_lease as module

HOLD = "import sys; from pathlib import Path; from acnet.gpu_lease import lease; \
print(lease(int(sys.argv[1]), Path(sys.argv[2]), 0.05), flush=True); sys.stdin.read()"


@pytest.fixture
def hold(tmp_path, monkeypatch):
    """A function that starts a process that leases one of two GPUs; it ends with the test."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", HOLD, "2", str(tmp_path)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=-1, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_get_two_gpus_and_a_third_waits_until_one_is_killed(hold):
    first, second = hold(), hold()
    numbers = [process.stdout.readline().strip() for process in (first, second)]
    assert sorted(numbers) == ["0", "1"]
    third = hold()
    assert "all 2 GPUs are leased" in third.stderr.readline()
    second.kill()
    assert third.stdout.readline().strip() == numbers[1]


def test_gpus_that_somebody_assigned_are_not_leased(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert module.lease(1, tmp_path) == module.lease(4, tmp_path) == 0
    assert not list(tmp_path.iterdir())


def test_of_several_that_are_visible_each_process_gets_one(hold, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,4")
    assert sorted(hold().stdout.readline().strip() for _ in range(2)) == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")  # 4 is leased
    assert hold().stdout.readline().strip() == "1"


def test_a_process_keeps_its_lease(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(module, "_held", [])
    assert [module.lease(2, tmp_path) for _ in range(3)] == [0, 0, 0]
    assert [file.name for file in tmp_path.iterdir()] == ["0.lock"]
    module._held.pop()[1].close()
