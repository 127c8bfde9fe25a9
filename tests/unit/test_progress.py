"""Lines that tell how far long work is."""

import pytest

from acnet import progress as module
from acnet.progress import Progress, duration


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_line_tells_count_rate_and_time_left(clock, capfd):
    progress = Progress("prepare camvid", 50, "images", start=10)
    clock[0] += 4
    progress.advance(8)
    assert capfd.readouterr().err == ""  # a log stays short
    clock[0] += 6
    progress.advance(2, note="disk 3 GB")
    assert capfd.readouterr().err == "prepare camvid: 20/50 images, 1.0/s, 30 s left, disk 3 GB\n"
    clock[0] += 10
    progress.advance(30)
    capfd.readouterr()
    progress.finish()
    assert capfd.readouterr().err == "prepare camvid: 50/50 images, 2.0/s\n"


def test_a_total_that_nobody_knows_is_not_shown(clock, capfd):
    progress = Progress("fetch", 0, "bytes")
    clock[0] += 10
    progress.advance(500)
    assert capfd.readouterr().err == "fetch: 500 bytes, 50.0/s\n"


def test_a_slow_rate_is_told_as_the_time_of_one(clock, capfd):
    progress = Progress("predict", 4, "images")
    clock[0] += 90
    progress.advance()
    assert capfd.readouterr().err == "predict: 1/4 images, 1 min 30 s each, 4 min 30 s left\n"


def test_a_rewritten_line_leaves_nothing_of_a_longer_one(clock, capfd, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress("predict", 2, "images")
    clock[0] += 1
    progress.advance(note="a long note")
    progress.advance()
    assert capfd.readouterr().err.split("\r")[-1] == "predict: 2/2 images, 2.0/s\x1b[K"


@pytest.mark.parametrize(("seconds", "text"), [(41.6, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
