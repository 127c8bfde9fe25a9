"""Commands in another checkout, and with the terminal gone."""

import functools
import json
import re
import signal
import subprocess
import sys
import time

import pytest

RUN = "results/mini/acb1/seed0"


@pytest.fixture
def project(here):
    """The finished folder with what tells that it is the project's."""
    (here / "Snakefile").touch()
    return here


def test_another_checkout_than_the_one_whose_code_runs_is_refused(project, refused, monkeypatch, root):
    (project / "acnet").mkdir()
    (project / "acnet/cli.py").touch()
    line = refused("status --scale mini")
    assert f"{project} is a checkout of its own, but this environment runs the code of {root}; " in line
    assert f"`export PYTHONPATH={project}`" in line


def test_the_end_of_the_terminal_stops_a_training_at_a_saved_step(here):
    params = here / RUN / "params.yaml"
    params.write_text(re.sub(r"(epochs\W+)\d+", r"\g<1>5000", params.read_text()))
    command = [sys.executable, "-m", "acnet", "train", f"--params={params}"]
    # As in a terminal: tests started with nohup ignore the signal, and children inherit that.
    default = functools.partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)
    job = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True, preexec_fn=default)
    try:
        end = time.monotonic() + 60
        while not (here / RUN / "resume/progress.json").exists() and time.monotonic() < end:
            time.sleep(0.05)
        job.send_signal(signal.SIGHUP)
        said = job.communicate(timeout=60)[1].splitlines()[-1]
    finally:
        job.kill()
    assert job.returncode == 128 + signal.SIGHUP
    (state,) = (here / RUN / "resume").glob("state-*.pt")
    assert f"stopped by a signal at step {int(state.name.split('-')[1])} of " in said


def test_gates_as_json_are_those_of_the_file(here, acnet):
    done = acnet(f"gates --params {RUN}/params.yaml --json")
    assert json.loads("\n".join(done.said)) == json.loads((here / RUN / "gates.json").read_text())
