"""Ctrl-C ends a command with one line and status 130, and the same command then finishes."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_campaign import make, snapshot

RUN = "results/mini/acb1/seed0"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Parameters, a mini dataset as downloaded and prepared, and two trained runs."""
    return make(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def here(finished, tmp_path, monkeypatch):
    """A copy of that folder, as the current one."""
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "here"))
    return tmp_path / "here"


def start(here, words):
    """A command in a process of its own that takes SIGINT as a terminal's does."""
    usual = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    command = [sys.executable, "-m", "acnet", *words.split()]
    return subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True, preexec_fn=usual)


def stop(process, number=signal.SIGINT):
    """Send the signal; the exit status and what was written to stderr."""
    process.send_signal(number)
    lines = process.communicate(timeout=60)[1].splitlines()
    assert not any("Traceback" in line for line in lines), lines
    return process.returncode, lines


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc to see what is loaded")
@pytest.mark.parametrize("loading", ["_yaml", "libtorch"])
def test_while_packages_are_loaded_nothing_is_written(here, loading):
    before = snapshot(here)
    process = start(here, f"train --params {RUN}/params.yaml")
    wait_for(lambda: loading in Path(f"/proc/{process.pid}/maps").read_text())
    assert stop(process) == (130, ["acnet: interrupted; the same command starts again or resumes"])
    assert snapshot(here) == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "kill"])
def test_during_prepare(here, number, status):
    many_images(here, 500)
    shutil.rmtree(here / "data/mini_cityscapes")
    before = snapshot(here)
    process = start(here, "data prepare mini_cityscapes")
    wait_for(lambda: (here / "data/mini_cityscapes/.preparing/train.index.json").exists())
    found, lines = stop(process, number)
    assert (found, lines[-1]) == (status, "acnet: interrupted; the same command starts again or resumes")
    assert snapshot(here) == before
    process = start(here, "data prepare mini_cityscapes")
    assert process.wait(60) == 0 and (here / "data/mini_cityscapes/manifest.json").exists()
    process.stderr.close()


def many_images(here, count):
    """Let the validation split have `count` images, so that reading it takes a while."""
    file = here / "params/datasets.yaml"
    file.write_text(file.read_text().replace("{train: 4, val: 2, test: 1}", f"{{train: 4, val: {count}, test: 1}}"))
    raw = here / "data/raw/mini_cityscapes"
    for folder in ("leftImg8bit", "gtFine"):
        original = sorted((raw / folder / "val/minidorf").glob("minidorf_000000_*"))
        for number in range(2, count):
            for path in original:
                path.with_name(path.name.replace("_000000_", f"_{number:06d}_")).symlink_to(path)


def test_during_training_the_state_is_kept(here):
    file = here / RUN / "params.yaml"
    text = re.sub(r"  epochs: \d+", "  epochs: 20", file.read_text())
    file.write_text(re.sub(r"  save_minutes: [\d.]+", "  save_minutes: 0.0", text))
    shutil.copy(file, here)
    shutil.rmtree(here / RUN)
    (here / RUN).mkdir()
    shutil.copy(here / "params.yaml", file)

    process = start(here, f"train --params {file}")
    wait_for(lambda: any((here / RUN / "resume").glob("state-*.pt")))
    status, lines = stop(process)
    assert status == 130
    (step,) = re.findall(r"^acnet: stopped .* at step (\d+) of 40; the same command resumes there$", lines[-1])
    kept = set(snapshot(here / RUN)) - {"params.yaml"}
    assert any(re.fullmatch(rf"resume/state-0*{step}-\w+\.pt", file) for file in kept), kept
    assert all(file.startswith("resume/") for file in kept)

    process = start(here, f"train --params {file}")
    lines = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 0
    assert any(f"resuming at step {step}" in line for line in lines), lines
    made = set(snapshot(here / RUN)) - {"changes.patch"}  # of a checkout that has uncommitted changes
    assert made == {"params.yaml", "checkpoint.pt", "distributions.txt", "history.csv", "provenance.json"}


def test_a_process_that_was_told_to_ignore_ctrl_c_goes_on(here):
    ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)  # noqa: E731
    many_images(here, 50)
    command = [sys.executable, "-m", "acnet", "data", "prepare", "mini_cityscapes"]
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True, preexec_fn=ignore)
    wait_for(lambda: (here / "data/mini_cityscapes/.preparing").exists() or process.poll() is not None)
    assert stop(process)[0] == 0
