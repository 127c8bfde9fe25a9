"""One trainer per run."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from acnet.errors import AcnetError
from acnet.jobs import run_lock as module
from acnet.jobs.run_lock import FILE, Holder, RunLock, live_holder


def held_by_a_dead_process(folder) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    holder = Holder("here", module._place(), ended.pid, "token")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(dataclasses.asdict(holder)))


def held_elsewhere(folder) -> Holder:
    holder = Holder("node7", "node7 pid:[1]", os.getpid(), "token", job="42")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(dataclasses.asdict(holder)))
    return holder


def never(holder) -> None:
    raise AssertionError(f"waited for {holder}")


def test_a_free_lock_is_taken_at_once_and_leaves_nothing_behind(tmp_path):
    lock = RunLock(tmp_path / "resume")
    lock.acquire(never)
    assert live_holder(tmp_path / "resume").pid == os.getpid()
    lock.release()
    assert not (tmp_path / "resume").exists()


def test_a_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once(tmp_path):
    held_by_a_dead_process(tmp_path)
    assert live_holder(tmp_path) is None
    lock = RunLock(tmp_path)
    lock.acquire(never)
    lock.release()


def test_a_holder_elsewhere_is_waited_for_while_its_heart_beats_and_replaced_when_it_stops(tmp_path):
    holder = held_elsewhere(tmp_path)
    seen = []

    def beat(found: Holder) -> None:
        seen.append(found)
        if len(seen) < 5:
            os.utime(tmp_path / FILE, ns=(len(seen), len(seen)))

    lock = RunLock(tmp_path, stale=0.3)
    began = time.monotonic()
    lock.acquire(beat, every=0.01)
    assert time.monotonic() - began > 0.5
    assert seen[0] == holder
    assert str(holder) == f"process {os.getpid()} on node7, job 42"
    lock.release()


def test_an_empty_lock_of_a_writer_killed_at_once_goes_stale(tmp_path):
    (tmp_path / FILE).touch()
    lock = RunLock(tmp_path, stale=0.1)
    lock.acquire(never, every=0.02)
    lock.release()


def test_of_many_waiters_exactly_one_holds_a_stale_lock_at_a_time(tmp_path):
    held_by_a_dead_process(tmp_path)
    inside, most, errors = [], [], []

    def work() -> None:
        lock = RunLock(tmp_path, stale=5)
        lock.acquire(lambda _: None, every=0.01)
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        try:
            lock.check()
        except AcnetError as error:
            errors.append(error)
        lock.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 8
    assert max(most) == 1
    assert not errors


def test_who_was_taken_over_notices_and_leaves_the_others_lock_alone(tmp_path):
    lock = RunLock(tmp_path, beat=0.02)
    lock.acquire(never)
    lock.check()
    held_elsewhere(tmp_path)
    time.sleep(0.1)
    with pytest.raises(AcnetError, match="another trainer has taken this run over"):
        lock.check()
    lock.release()
    assert json.loads((tmp_path / FILE).read_text())["host"] == "node7"


def test_a_lock_that_cannot_be_read_once_is_not_lost(tmp_path, monkeypatch):
    lock, read, failures = RunLock(tmp_path, beat=0.02), module._read, [1]
    monkeypatch.setattr(module, "_read", lambda file: (None, failures.pop()) if failures else read(file))
    assert lock._create()
    threading.Thread(target=lock._keep_beating, daemon=True).start()
    time.sleep(0.2)
    assert not failures
    lock.check()
    lock.release()


def test_the_heart_beats(tmp_path):
    lock = RunLock(tmp_path, beat=0.02)
    lock.acquire(never)
    os.utime(tmp_path / FILE, ns=(0, 0))
    time.sleep(0.1)
    assert time.time() - (tmp_path / FILE).stat().st_mtime < 10
    lock.release()


def test_the_second_trainer_waits_shows_the_firsts_progress_and_does_not_train_again(tiny, undisturbed, capfd):
    resume = tiny.resume()
    first = RunLock(resume)
    first.acquire(never)
    (resume / "progress.json").write_text(json.dumps({"step": 7, "steps": 12, "seconds_left": 65}))

    def finish() -> None:
        time.sleep(0.3)
        for name in ("history.csv", "provenance.json", "checkpoint.pt"):
            (tiny.folder() / name).write_bytes((undisturbed.folder() / name).read_bytes())
        (resume / "progress.json").unlink()
        first.release()

    thread = threading.Thread(target=finish)
    thread.start()
    tiny.train()
    thread.join()
    said = capfd.readouterr().err
    assert f"tiny: process {os.getpid()} on" in said
    assert "at step 7/12; waiting" in said
    assert "finished already" in said and "starting" not in said


def test_the_second_trainer_takes_over_what_the_first_left_undone(tiny, undisturbed):
    first = RunLock(tiny.resume())
    first.acquire(never)
    thread = threading.Timer(0.2, first.release)
    thread.start()
    tiny.train()
    assert tiny.history() == undisturbed.history()


def test_a_finished_run_is_not_trained_again(tiny, capfd):
    tiny.train()
    checkpoint = tiny.folder() / "checkpoint.pt"
    made = checkpoint.stat().st_mtime_ns
    left = tiny.folder() / "resume/state1.pt"  # by a kill after the last file was put in place
    left.parent.mkdir()
    left.touch()
    capfd.readouterr()
    tiny.train()
    assert "tiny: finished already; delete checkpoint.pt to train it again" in capfd.readouterr().err
    assert checkpoint.stat().st_mtime_ns == made and not left.parent.exists()
