"""What a clone and an installation look like on other people's machines."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest


def test_a_clone_with_autocrlf_has_the_bytes_of_any_other(root, tmp_path):
    script = b"#!/bin/sh\necho run\n"
    origin = tmp_path / "origin"
    origin.mkdir()
    shutil.copy(root / ".gitattributes", origin)
    (origin / "run.sh").write_bytes(script)
    (origin / "table.csv").write_bytes(b"a,b\r\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["-c", "core.autocrlf=true", "add", "."], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=origin, check=True)
    subprocess.run(["git", "clone", "-q", "-c", "core.autocrlf=true", origin, tmp_path / "clone"], check=True)
    assert (tmp_path / "clone/run.sh").read_bytes() == script
    assert (tmp_path / "clone/table.csv").read_bytes() == b"a,b\r\n"


def test_the_editable_install_is_found_from_above_a_clone_called_acnet(root, tmp_path):
    pytest.importorskip("setuptools", minversion="69")
    clone = tmp_path / "acnet"
    shutil.copytree(root / "acnet", clone / "acnet", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, clone)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    build = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, tmp_path / "wheel"], cwd=clone, env=environment, check=True, capture_output=True
    )
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    # Without -S this environment's own editable install could be found first.
    folders = [str(tmp_path / "site"), sysconfig.get_paths()["purelib"]]
    ask = (
        f"import site; [site.addsitedir(folder) for folder in {folders}]; "
        "import acnet.evaluate.counts as found; print(found.read_counts.__code__.co_filename)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", ask], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(clone / "acnet/evaluate/counts.py")


def test_clean_removes_only_what_is_drawn_again_from_the_runs(root, tmp_path):
    shutil.copy(root / "Makefile", tmp_path)
    kept = ["params/scales/mini.yaml", "params/scales/mine.yaml", "results/a", "data/raw/b", "logs/c", ".snakemake/d"]
    kept.append("reports/published/mini/README.md")
    for name in (*kept, "reports/mini/index.html", "reports/mine/tables/table1.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*kept, "Makefile"}
