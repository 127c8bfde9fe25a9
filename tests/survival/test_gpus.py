"""Two pretend GPUs under a real snakemake."""

import os
import signal
import subprocess
import sys
import time

from tests.workflow.conftest import copy_project, shorten

RUNS = ("fcn_s16", "gc_s16", "gcm_d5_s16")
# A device that is leased like a GPU and computes like a CPU; it says when it is taken and given back.
PRETEND = """    if not torch.cuda.is_available():
        import atexit
        from pathlib import Path

        number = lease(2, Path("leases"), 0.05)

        def say(what):
            with open("said.txt", "a") as handle:
                handle.write(f"{what} {number} {os.getpid()}\\n")

        say("taken")
        atexit.register(say, "given")
"""


def said(project) -> list[tuple[str, int, int]]:
    """What the pretend devices have said so far: event, number, process."""
    file = project.folder / "said.txt"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [(what, int(number), int(pid)) for what, number, pid in lines]


def test_two_jobs_at_a_time_hold_two_gpus_and_a_killed_jobs_gpu_is_free_again(tmp_path):
    project = copy_project(tmp_path / "project")
    shorten(project)
    project.edit("params/scales/mini.yaml", "seeds: [0]", "seeds: [0]\ngpus: 1")
    project.edit("params/scales/mini.yaml", "epochs: 1", "epochs: 20")
    project.edit("acnet/device.py", "    if not torch.cuda.is_available():\n", PRETEND)
    command = [sys.executable, "-m", "snakemake", "--cores", "4", "--resources", "gpu=2", "--retries", "1"]
    command += [f"results/mini/{run}/seed0/checkpoint.pt" for run in RUNS]
    environment = {**os.environ, "PYTHONPATH": str(project.folder)}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    with open(tmp_path / "snakemake.log", "w") as log:
        job = subprocess.Popen(command, cwd=project.folder, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + 120
        while len(said(project)) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        victim = said(project)[0][2]
        os.kill(victim, signal.SIGKILL)
        assert job.wait(timeout=240) == 0, (tmp_path / "snakemake.log").read_text()
    holders: dict[int, int] = {}
    for what, number, pid in said(project):
        if what == "given":
            assert holders.pop(number) == pid
        else:
            assert holders.get(number) in (None, victim)
            holders[number] = pid
        assert len(holders) <= 2
    taken = [(number, pid) for what, number, pid in said(project) if what == "taken"]
    assert {number for number, _ in taken[:2]} == {0, 1}
    assert len(taken) == len(RUNS) + 1
    assert {pid for what, _, pid in said(project) if what == "given"} == {pid for _, pid in taken} - {victim}
