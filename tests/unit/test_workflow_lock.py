"""When Snakemake's lock is that of a dead snakemake."""

import subprocess
import sys

import pytest

from acnet.workflow_lock import hold, note_machine, remove_stale_locks

DIES = """
import sys
from pathlib import Path
from acnet.workflow_lock import hold, note_machine
state = Path(sys.argv[1])
held = hold(state)
note_machine(state)
(state / "locks").mkdir(exist_ok=True)
(state / "locks/0.output.lock").write_text("data/a/manifest.json")
"""


@pytest.fixture
def lock(tmp_path):
    """The lock of a process that has ended without removing it."""
    subprocess.run([sys.executable, "-c", DIES, tmp_path], check=True)
    return tmp_path / "locks/0.output.lock"


def test_the_lock_of_a_dead_process_goes(tmp_path, lock):
    remove_stale_locks(tmp_path)
    assert not lock.exists()


def test_while_one_lives_the_locks_of_all_stay(tmp_path, lock):
    held = hold(tmp_path)
    remove_stale_locks(tmp_path)
    assert lock.exists()
    held.close()
    remove_stale_locks(tmp_path)
    assert not lock.exists()


@pytest.mark.parametrize("machines", ["", "login2\n", "login2\n{here}", "\0"])
def test_a_lock_that_may_be_another_machines_stays(tmp_path, lock, machines):
    file = tmp_path / "machines"
    file.write_text(machines.format(here=file.read_text()))
    remove_stale_locks(tmp_path)
    assert lock.exists()


def test_machines_are_forgotten_once_no_lock_is_left(tmp_path, lock):
    (tmp_path / "machines").write_text("login2\n")
    lock.unlink()
    remove_stale_locks(tmp_path)
    note_machine(tmp_path)
    lock.write_text("")
    remove_stale_locks(tmp_path)
    assert not lock.exists()
