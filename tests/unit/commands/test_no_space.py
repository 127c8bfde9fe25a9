"""A full disk is one line and no half-written file, and the same command succeeds once there is room."""

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import sys

import pytest
from small_campaign import snapshot

from acnet import provenance
from acnet.errors import AcnetError
from acnet.files import write_text
from acnet.progress import Progress

RUN = "results/mini/acb1/seed0"
FULL = "no space left; free some and run the same command again"


def real(words, folder, **options):
    """Run a command in a process of its own; its exit status and its last line on stderr."""
    command = [sys.executable, "-m", "acnet", *words.split()]
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, timeout=100, **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize("kilobytes", [8, 40])
def test_prepare_on_a_full_disk(here, acnet, small_disk, kilobytes):
    disk = small_disk(kilobytes)
    done = acnet(f"--data-root {disk} data prepare mini_cityscapes")
    assert done.status == 2
    assert done.lines[-1].startswith(f"acnet: {disk}/mini_cityscapes")
    assert done.lines[-1].endswith("free some and run the same command again")
    assert snapshot(disk) == {}
    subprocess.run(["mount", "-o", "remount,size=300m", str(disk)], check=True)  # it wants some to spare
    assert acnet(f"--data-root {disk} data prepare mini_cityscapes").status == 0


@pytest.mark.parametrize("kilobytes", [24, 56])
def test_train_on_a_full_disk(here, acnet, small_disk, kilobytes, monkeypatch):
    # Those of this checkout might fill the disk before the run does.
    monkeypatch.setattr(provenance, "changes", lambda: b"")
    disk = small_disk(kilobytes)
    shutil.copy(RUN + "/params.yaml", disk)
    done = acnet(f"train --params {disk}/params.yaml")
    assert (done.status, done.lines[-1]) == (2, f"acnet: {disk}: {FULL}")
    # What a training is remembered by may stay; it says where to go on.
    left = {
        "params.yaml",
        "history.csv",
        "distributions.txt",
        "changes.patch",
        "resume/changes.patch",
        "resume/journal.txt",
        "resume/progress.json",
    }
    assert set(snapshot(disk)) <= left
    subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
    assert acnet(f"train --params {disk}/params.yaml").status == 0
    assert (disk / "checkpoint.pt").exists()


@pytest.mark.parametrize("room", [0, 4, 12])
def test_evaluate_on_a_full_disk(room, here, acnet, small_disk):
    disk = small_disk(64)
    shutil.copy(RUN + "/params.yaml", disk)
    (disk / "checkpoint.pt").symlink_to(here / RUN / "checkpoint.pt")
    if room:
        (disk / "room").write_bytes(bytes(1024 * room))
    with contextlib.suppress(OSError), open(disk / "filling", "wb", buffering=0) as filling:
        while filling.write(bytes(512)):
            pass
    (disk / "room").unlink(missing_ok=True)
    command = f"evaluate --params {disk}/params.yaml --protocol single --protocol single_flip"
    done = acnet(command)
    assert done.status == 2 and done.lines[-1].startswith(f"acnet: {disk}") and done.lines[-1].endswith(FULL)
    assert not list(disk.glob("metrics/*.part")) and not list(disk.glob("metrics/single_flip.json"))
    (disk / "filling").unlink()
    assert acnet(command).status == 0
    assert len(list(disk.glob("metrics/*"))) == 4 and not (disk / "evaluating").exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # rocrate leaves its ZipFile open
def test_archive_on_a_full_disk(here, acnet, small_disk, root):
    pytest.importorskip("rocrate", reason="pip install '.[archive]'")
    shutil.copy(root / "CITATION.cff", here)
    disk = small_disk(8)
    done = acnet(f"archive --out {disk}/mine.zip")
    assert (done.status, done.lines[-1]) == (2, f"acnet: {disk}: {FULL}")
    assert snapshot(disk) == {}


def test_a_file_larger_than_allowed_is_refused_too(here):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 1024, 16 * 1024))  # noqa: E731
    status, line = real("--data-root made data prepare mini_cityscapes", here, preexec_fn=limit)
    assert status == 2 and "a file would grow larger than allowed here; see `ulimit -f`" in line
    assert snapshot(here / "made") == {}
    assert real("--data-root made data prepare mini_cityscapes", here)[0] == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_log_on_a_full_disk_stops_no_work(here):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "acnet", "--data-root", "made", "data", "prepare", "mini_cityscapes"]
        assert subprocess.run(command, cwd=here, stderr=full, timeout=100).returncode == 0
        refused = [sys.executable, "-m", "acnet", "resolve", "--run", "acb4"]
        assert subprocess.run(refused, cwd=here, stderr=full, timeout=100).returncode == 2
    assert (here / "made/mini_cityscapes/manifest.json").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fills_at_the_last_moment_leaves_the_former_file(tmp_path, monkeypatch, step, code):
    file = tmp_path / "metrics.json"
    write_text(file, "former")

    def full(*_):
        raise OSError(code, os.strerror(code), "somewhere")

    monkeypatch.setattr(f"acnet.files.os.{step}", full)
    with pytest.raises(AcnetError, match=f"^{tmp_path}: "):
        write_text(file, "new")
    assert snapshot(tmp_path) == {"metrics.json": b"former"}


class BrokenPipe:
    """A terminal that has gone away."""

    def isatty(self):
        return False

    def write(self, _):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_progress_survives_a_closed_pipe(monkeypatch):
    monkeypatch.setattr("sys.stderr", BrokenPipe())
    progress = Progress("prepare", 1, "images", every=0)
    progress.advance()
    progress.finish()
    assert progress.done == 1
