"""Killed at random moments, a preparation ends with the bytes of an undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from acnet.data.generate import generate
from acnet.files import sha256

_PREPARE = """
import sys
from pathlib import Path
from types import SimpleNamespace
from acnet.data.prepare import prepare
REST = {"generate": None, "classes": 150, "class_colours": None}
if __name__ == "__main__":
    dataset = SimpleNamespace(title="x", reader="ade20k", splits={"train": 400, "val": 40, "test": 20}, **REST)
    prepare("x", dataset, Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Few scenes under many names: only the number of files matters here."""
    root = tmp_path_factory.mktemp("tree")
    generate("ade20k", root, 1, {"train": 8, "val": 40, "test": 20}, (160, 240))
    base = root / "ADEChallengeData2016"
    for folder, ending in (("images", "jpg"), ("annotations", "png")):
        for number in range(9, 401):
            path = base / folder / "training" / f"ADE_train_{number:08d}.{ending}"
            os.link(path.with_name(f"ADE_train_{number % 8 + 1:08d}.{ending}"), path)
    return root


@pytest.mark.parametrize(("processes", "kills"), [(1, 6), (2, 6)])
def test_kills_leave_no_trace(processes, kills, tree, tmp_path):
    (tmp_path / "run.py").write_text(_PREPARE)

    def start(out):
        command = [sys.executable, str(tmp_path / "run.py"), str(tree), str(out), str(processes)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def done():
        journal = tmp_path / "killed/.preparing/train.journal"
        return len(journal.read_bytes().splitlines()) if journal.exists() else 0

    assert start(tmp_path / "calm").wait() == 0
    chance, killed, held = random.Random(processes), 0, []
    while killed < kills:
        goal = done() + chance.randint(0, 12)
        process = start(tmp_path / "killed")
        while done() < goal and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.choice([0.0, chance.uniform(0, 0.1)]))
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:  # it had ended: begin again
            for path in (tmp_path / "killed").iterdir():
                path.unlink()
            continue
        killed += 1
        held.append(done())
    assert start(tmp_path / "killed").wait() == 0
    assert {p.name: sha256(p) for p in (tmp_path / "killed").iterdir()} == {
        p.name: sha256(p) for p in (tmp_path / "calm").iterdir()
    }
    at_work = sum(0 < count < 400 for count in held)
    assert len(held) == kills and at_work >= kills / 2, f"only {at_work} of {kills} kills met a preparation at work"
