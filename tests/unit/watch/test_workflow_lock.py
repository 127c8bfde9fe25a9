"""When a lock of Snakemake's is nobody's."""

import json
import os
import subprocess
import sys

import pytest

from acnet.watch import workflow_lock
from acnet.watch.workflow_lock import claim, is_stale, starting

START = """
import sys
from pathlib import Path
from acnet.watch.workflow_lock import starting
starting(Path(sys.argv[1]))
"""
CLAIM = """
import sys
from pathlib import Path
from acnet.watch.workflow_lock import claim
claim(sys.argv[2:], Path(sys.argv[1]))
"""


def locked(state, name="0.output.lock"):
    lock = state / "locks" / name
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("data/a/manifest.json\n")
    return lock


def started_by_a_dead_process(state):
    subprocess.run([sys.executable, "-c", START, state], check=True)


def claimed_by_a_dead_process(state, lock):
    subprocess.run([sys.executable, "-c", CLAIM, state, lock], check=True)


@pytest.fixture
def dead(tmp_path):
    """The lock of a process that has ended without removing it."""
    lock = locked(tmp_path)
    claimed_by_a_dead_process(tmp_path, lock)
    return lock


def test_a_lock_of_a_dead_process_is_stale(tmp_path, dead):
    assert is_stale(tmp_path)


def test_a_lock_of_a_living_process_is_not(tmp_path):
    claim([locked(tmp_path)], tmp_path)
    assert not is_stale(tmp_path)


def test_one_living_holder_keeps_the_lock_of_all(tmp_path, dead):
    claim([locked(tmp_path, "1.output.lock")], tmp_path)
    assert not is_stale(tmp_path)


def test_a_lock_that_nobody_claims_may_be_anybodys(tmp_path, dead):
    locked(tmp_path, "1.output.lock")
    assert not is_stale(tmp_path)


def test_a_later_lock_of_the_same_name_is_another(tmp_path, dead):
    os.utime(dead, ns=(0, dead.stat().st_mtime_ns + 1))
    assert not is_stale(tmp_path)


@pytest.fixture
def moment(monkeypatch):
    """What happens while a lock is given the time to be claimed; a list of functions."""
    meanwhile = []
    monkeypatch.setattr(workflow_lock.time, "sleep", lambda _: [act() for act in meanwhile])
    return meanwhile


def test_a_lock_of_a_start_that_died_before_it_claimed_it_is_stale(tmp_path, moment):
    started_by_a_dead_process(tmp_path)
    locked(tmp_path)
    assert is_stale(tmp_path)


def test_a_lock_of_a_start_that_lives_or_came_later_is_not(tmp_path, moment):
    starting(tmp_path)
    lock = locked(tmp_path)
    assert not is_stale(tmp_path)
    started_by_a_dead_process(tmp_path)
    os.utime(lock, ns=(0, lock.stat().st_mtime_ns - 10**9))
    assert not is_stale(tmp_path)


def test_a_lock_that_is_claimed_a_moment_later_is_not_that_of_a_dead_start(tmp_path, moment):
    started_by_a_dead_process(tmp_path)
    lock = locked(tmp_path)
    moment.append(lambda: claim([lock], tmp_path))
    assert not is_stale(tmp_path)


def test_a_lock_of_another_machine_is_not_judged_here(tmp_path, dead):
    file = tmp_path / "holders.json"
    claims = json.loads(file.read_text())
    claims[dead.name]["holder"]["place"] = "login2 pid:[4026531836]"
    file.write_text(json.dumps(claims))
    assert not is_stale(tmp_path)


def test_claims_of_locks_that_are_gone_are_forgotten(tmp_path, dead):
    dead.unlink()
    claim([locked(tmp_path, "1.input.lock")], tmp_path)
    assert list(json.loads((tmp_path / "holders.json").read_text())) == ["1.input.lock"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"0.output.lock": 1}', '{"0.output.lock": {"made": 1, "holder": {}}}']
)
def test_a_damaged_record_leaves_the_lock(tmp_path, dead, text):
    (tmp_path / "holders.json").write_text(text)
    assert not is_stale(tmp_path)
    claimed_by_a_dead_process(tmp_path, dead)
    assert is_stale(tmp_path)
