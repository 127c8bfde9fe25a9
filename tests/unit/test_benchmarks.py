"""The scripts in benchmarks/, which take too long to be run by a test."""

import os
import subprocess
import sys


def test_all_that_the_benchmarks_import_exists(root):
    names = sorted(file.stem for file in (root / "benchmarks").glob("*.py"))
    assert len(names) > 10
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "benchmarks")])}
    command = [sys.executable, "-c", f"import {', '.join(names)}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
