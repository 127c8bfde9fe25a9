"""A copy of the project in which Snakemake may do as it likes."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from acnet.files import sha256

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("Snakefile", "workflow", "params", "acnet")


class Project:
    """A project folder and the snakemake that runs in it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run snakemake here; its output, both streams, is in `stdout`."""
        command = [sys.executable, "-m", "snakemake", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done

    def planned(self, *arguments: str) -> Counter:
        """How often each rule would run."""
        return counted(self.snakemake("-n", *arguments).stdout)

    def jobs(self, *arguments: str) -> set[str]:
        """The outputs that would be made, first of each job."""
        return outputs(self.snakemake("-n", *arguments).stdout)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file that must hold it."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


def counted(text: str) -> Counter:
    """How often each rule runs, by what Snakemake says at its start."""
    if "Job stats" not in text:
        return Counter()
    table = text.rsplit("Job stats:", 1)[1].split("\n\n", 1)[0]
    found = re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
    return Counter({name: int(count) for name, count in found if name != "total"})


def outputs(text: str) -> set[str]:
    """The first output of each job that Snakemake names."""
    return {line.split(",")[0] for line in re.findall(r"^    output: (.*)$", text, re.MULTILINE)}


def copy_project(folder: Path) -> Project:
    """Copy what Snakemake needs, without data or results."""
    folder.mkdir(parents=True)
    for name in _COPIED:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(
            source, folder / name
        )
    (folder / "profiles").symlink_to("workflow/profiles")
    return Project(folder)


def files_below(folder: Path) -> dict[str, str]:
    """Path below `folder` to the hash of the content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh copy, in which nothing has run."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def campaign(tmp_path_factory) -> Project:
    """A copy in which the whole campaign has run, its schedule cut to one epoch. Leave it as you found it."""
    project = copy_project(tmp_path_factory.mktemp("campaign") / "project")
    shorten(project)
    project.snakemake("--cores", "2")
    return project


def shorten(project: Project) -> None:
    """Cut mini's schedules and images to what a test of the chain needs."""
    path = project.folder / "params/scales/mini.yaml"
    path.write_text(re.sub(r"epochs: \d+", "epochs: 1", path.read_text()))
    datasets = project.folder / "params/datasets.yaml"
    text = re.sub(r"train: 48\b", "train: 8", datasets.read_text())
    datasets.write_text(re.sub(r"(val|test): 16\b", r"\1: 4", text))
