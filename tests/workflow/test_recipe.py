"""The commands of `acnet trace` that reproduce a run from its commit and its uncommitted changes."""

import json
import os
import subprocess
import sys

from acnet.files import sha256
from tests.workflow.conftest import shorten

RUN = "results/mini/fcn_s16/seed0"


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def shell(folder, line, code):
    environment = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(["bash", "-ec", line], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_a_run_with_uncommitted_changes_is_made_again_byte_for_byte(project):
    here = project.folder
    (here / ".gitignore").write_text("__pycache__/\n/data/\n/results/\n/logs/\n/reports/\n.snakemake/\n.venv\n")
    git(here, "init", "--quiet")
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "-m", "As published")
    # An edited parameter, an edited module, and a new module that it imports.
    shorten(project)
    (here / "acnet/model/fresh.py").write_text("DELTA = 0.75\n")
    project.edit("acnet/train/optimizer.py", "import torch\n", "import torch\n\nfrom acnet.model.fresh import DELTA\n")
    project.edit("acnet/train/optimizer.py", "def set_learning_rate", "assert DELTA == 0.75\n\n\ndef set_learning_rate")
    project.snakemake("--cores", "2", f"{RUN}/checkpoint.pt")
    made = json.loads((here / RUN / "provenance.json").read_text())
    assert made["dirty"] is True
    assert f"torch=={made['versions']['torch'].partition('+')[0]}" in (here / RUN / "distributions.txt").read_text()
    said = shell(here, f"{sys.executable} -m acnet trace table1 fcn os16", here)
    steps = said[said.index("from its commit") :].removeprefix("from its commit").splitlines()
    first, patch, venv, again, check = [step.strip() for step in steps]
    assert first.startswith("git worktree add") and venv == "make venv"
    link = f"ln -s {os.path.dirname(os.path.dirname(sys.executable))} .venv"  # in place of installing
    lines = "\n".join([first, patch, link, f"PYTHONPATH=$PWD {again}", check])
    checksum = shell(here, lines, here).splitlines()[-1].split()[0]
    assert checksum == made["checkpoint_sha256"] == sha256(here.parent / "again" / RUN / "checkpoint.pt")
    assert (here.parent / "again/acnet/model/fresh.py").exists()
