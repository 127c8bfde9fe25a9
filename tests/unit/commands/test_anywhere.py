"""Commands in any folder of the project, in another checkout, and with the terminal gone."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

RUN = "results/mini/acb1/seed0"


@pytest.fixture
def project(here):
    """The finished folder with what tells that it is the project's."""
    (here / "Snakefile").touch()
    return here


@pytest.mark.parametrize("folder", ["results/mini", "data/mini_cityscapes", "params/scales"])
def test_the_answer_is_that_of_the_projects_folder(project, acnet, monkeypatch, folder):
    expected = acnet("status --scale mini")
    monkeypatch.chdir(project / folder)
    found = acnet("status --scale mini")
    assert found.status == expected.status == 0
    assert found.said[0] == expected.said[0] and len(found.said) == len(expected.said)


def test_paths_are_those_of_the_current_folder(project, acnet, monkeypatch, tmp_path):
    Image.new("RGB", (40, 30)).save(project / RUN / "photo.png")
    Image.new("RGB", (40, 30)).save(tmp_path / "other.png")
    monkeypatch.chdir(project / RUN)
    assert acnet("evaluate --params params.yaml --protocol single").status == 0
    assert (project / RUN / "metrics/single.json").exists()
    monkeypatch.chdir(project / RUN)
    assert acnet(f"predict --run acb1 photo.png {tmp_path}/other.png ../../../../other.png --out drawn").status == 2
    monkeypatch.chdir(project / RUN)
    assert acnet(f"predict --run acb1 photo.png {tmp_path}/other.png --out drawn").status == 0
    assert {"photo.labels.png", "other.labels.png"} <= {file.name for file in (project / RUN / "drawn").iterdir()}
    monkeypatch.chdir(project / "data")
    assert acnet("data check mini_cityscapes --source raw/mini_cityscapes --json report.json").status == 0
    assert json.loads((project / "data/report.json").read_text())


def test_a_root_that_is_named_is_that_of_the_current_folder(project, acnet, monkeypatch):
    (project / "results").rename(project / "data/elsewhere")
    monkeypatch.chdir(project / "data")
    done = acnet("--results-root elsewhere evaluate --params elsewhere/mini/acb1/seed0/params.yaml --protocol single")
    assert done.status == 0


def test_another_checkout_than_the_one_whose_code_runs_is_refused(project, refused, monkeypatch, root):
    (project / "acnet").mkdir()
    (project / "acnet/cli.py").touch()
    monkeypatch.chdir(project / "results")
    line = refused("status --scale mini")
    assert f"{project} is a checkout of its own, but this environment runs the code of {root}; " in line
    assert f"`export PYTHONPATH={project}`" in line


def test_the_end_of_the_terminal_stops_a_training_at_a_saved_step(here):
    params = here / RUN / "params.yaml"
    params.write_text(re.sub(r"(epochs\W+)\d+", r"\g<1>5000", params.read_text()))
    command = [sys.executable, "-m", "acnet", "train", f"--params={params}"]
    job = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (here / RUN / "resume/progress.json").exists() and time.monotonic() < end:
        time.sleep(0.05)
    job.send_signal(signal.SIGHUP)
    said = job.communicate(timeout=60)[1].splitlines()[-1]
    assert job.returncode == 128 + signal.SIGHUP
    (state,) = (here / RUN / "resume").glob("state-*.pt")
    assert f"stopped by a signal at step {int(state.name.split('-')[1])} of " in said
