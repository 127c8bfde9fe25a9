"""The commands that `acnet plan --commands` prints, typed one after another."""

import os
import subprocess
import sys

import pytest

from tests.workflow.conftest import shorten


@pytest.fixture
def type_here(project):
    """Words for acnet in the project's folder; what it prints."""

    def type_here(line: str) -> str:
        command = [sys.executable, "-m", "acnet", *line.split()]
        environment = {**os.environ, "PYTHONPATH": str(project.folder)}
        done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return type_here


def test_they_do_the_whole_job_of_a_target(project, type_here):
    shorten(project)
    lines = type_here("plan --commands --target figure4 --target table8").splitlines()
    assert not any("fcn_s8" in line or "table3" in line for line in lines)
    for line in lines:
        program, _, words = line.partition(" ")
        assert program == "acnet"
        type_here(words)
    assert (project.folder / "reports/mini/figures/figure4.png").stat().st_size > 5000
    assert "not run" not in (project.folder / "reports/mini/tables/table8.md").read_text()
    assert not project.planned("figure4", "table8")


def test_everything_ends_with_the_page(type_here):
    lines = type_here("plan --commands").splitlines()
    assert len([line for line in lines if line.startswith("acnet train")]) == 28
    assert {f"acnet report {part} --scale mini" for part in ("curves", "gates", "cells", "claims", "page")} < set(lines)
    places = [lines.index(f"acnet report {part} --scale mini") for part in ("cells", "claims", "page")]
    assert places == sorted(places)


def test_archives_are_fetched_and_extracted_where_no_folder_is_at_hand(type_here, monkeypatch):
    monkeypatch.delenv("ACNET_CITYSCAPES", raising=False)
    lines = type_here("plan --commands --scale paper --target table3").splitlines()
    data = [line for line in lines if line.startswith("acnet data")]
    assert [line.split()[:4] for line in data] == [
        ["acnet", "data", step, "cityscapes"] for step in ("fetch", "extract", "prepare")
    ]
    weights = lines.index("acnet fetch-weights resnet50-0676ba61.pth")
    assert weights < lines.index("acnet train --params results/paper/acb3/seed0/params.yaml")
