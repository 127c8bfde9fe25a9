"""A variant of one's own is one entry in runs.yaml and one row in tables.yaml, and adds just its own jobs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = "gcm_d5_s16_conv1x1: {dataset: cityscapes, role: r50, local_context: none, blocks: 1, global_conv: conv1x1}"
ROW = '- {key: gcm_conv1x1, method: "Res-50+GCM, bare 1x1 convolution", ours: {os16: gcm_d5_s16_conv1x1}}'
NAME = "gcm_d5_s16_conv1x1"
FOLDER = f"results/mini/{NAME}/seed0"


@pytest.fixture
def copied(tmp_path):
    """A copy of the project without any data."""
    for name in ("workflow", "params", "acnet"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", tmp_path)
    (tmp_path / "profiles").symlink_to("workflow/profiles")
    return tmp_path


@pytest.fixture
def project(copied):
    """The same in which everything counts as made, out of empty files."""
    for line in snakemake(copied, "all", "--summary").splitlines():
        file, _, rule, *_ = [*line.split("\t"), "", ""]
        if rule == "generate":
            (copied / file).mkdir(parents=True)
        elif rule not in ("", "rule"):
            (copied / file).parent.mkdir(parents=True, exist_ok=True)
            (copied / file).touch()
    snakemake(copied, "all", "--touch", "--cores", "1")
    assert jobs(copied, "all") == []
    return copied


def snakemake(project, *arguments, status=0):
    command = [sys.executable, "-m", "snakemake", *arguments]
    environment = {"PYTHONPATH": str(project), "PATH": "/usr/bin:/bin", "HOME": str(project)}
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def jobs(project, *targets):
    """What a dry run would do: (rule, its first output), sorted."""
    said = snakemake(project, "-n", *targets)
    found = re.findall(r"^rule (\w+):\n(?:    input: .*\n)?(?:    output: ([^,\n]*))?", said, re.MULTILINE)
    return sorted(found)


def add_run(project):
    with open(project / "params/runs.yaml", "a") as file:
        file.write(f"\n{RUN}\n")


def add_row(project):
    path = project / "params/tables.yaml"
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "key: gcm_d10," in line)
    lines.insert(at + 1, f"      {ROW}")
    path.write_text("\n".join(lines) + "\n")


def test_a_run_and_a_row_add_their_own_jobs_and_redraw_one_table(project):
    add_run(project)
    assert jobs(project, "all") == []
    assert {rule for rule, _ in jobs(project, "runs", "--config", f"runs={NAME}")} == {"resolve", "train", "runs"}

    add_row(project)
    assert jobs(project, "all") == sorted(
        [
            ("all", ""),
            ("resolve", f"{FOLDER}/params.yaml"),
            ("train", f"{FOLDER}/checkpoint.pt"),
            ("evaluate", f"{FOLDER}/metrics/single.json"),
            ("evaluate", f"{FOLDER}/metrics/single_flip.json"),
            ("table", "reports/mini/tables/table1.csv"),
            ("claims", "reports/mini/claims.json"),
            ("page", "reports/mini/index.html"),
        ]
    )
    assert jobs(project, "table2") == []


def test_a_row_without_its_run_is_refused_with_file_and_key(copied):
    add_row(copied)
    said = snakemake(copied, "-n", "all", status=1).splitlines()
    assert f"params/tables.yaml: table1: unknown run '{NAME}'; did you mean 'gcm_d5_s16'?" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tabel3", "target 'tabel3': scale 'mini' has table1, table2, "),
        ("table4 --config scale=camvid", "target 'table4': scale 'camvid' has table1, table2, table3, figure1, "),
        ("all --config scale=minni", "scale 'minni': params/scales/ has no such file; did you mean 'mini'?"),
        ("runs --config runs=acb4", "run 'acb4': params/runs.yaml has no such entry; did you mean 'acb"),
    ],
)
def test_an_unknown_name_is_said_before_anything_starts(copied, words, said):
    lines = snakemake(copied, "-n", *words.split(), status=1).splitlines()
    assert any(line.startswith(said) for line in lines), lines
    assert not any("Traceback" in line for line in lines)


def test_the_readme_shows_this_example():
    if not (ROOT / "README.md").exists():
        pytest.skip("there is no README")
    text = (ROOT / "README.md").read_text()
    assert RUN in text and ROW in text
