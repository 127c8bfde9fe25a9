"""Snakemake with another checkout's environment, and where the home folder cannot be written."""

import os
import subprocess
import sys

from tests.workflow.conftest import ROOT


def run(project, *words, **changes):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
    done = subprocess.run(
        [sys.executable, *words], cwd=project.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def jobs(done) -> list[str]:
    return sorted(line for line in done.stdout.splitlines() if line[:1].isalpha() and line[-1:].isdigit())


def test_a_second_checkouts_jobs_run_its_own_code_in_the_environment_of_the_first(project):
    project.edit(
        "acnet/cli.py", "import argparse\n", 'import argparse\nprint("EDITED", file=__import__("sys").stderr)\n'
    )
    run(project, "-m", "snakemake", "--cores", "1", "data/raw/mini_cityscapes")
    assert any("EDITED" in log.read_text() for log in (project.folder / "logs").rglob("*.log"))


def test_without_a_home_to_write_to_the_same_jobs_are_planned(project):
    words = "workflow/start.py", "-n", "table1"
    expected = run(project, *words)
    found = run(project, *words, HOME="/proc/nowhere", XDG_CACHE_HOME="")
    assert jobs(found) == jobs(expected) != []
    assert f"XDG_CACHE_HOME={project.folder}/.snakemake/cache" in found.stderr
