"""What is found to be in nobody's way, and what never is."""

import os
import time

import pytest

from acnet.errors import AcnetError
from acnet.jobs.run_lock import RunLock
from acnet.track.cleanup import find_litter

DAYS = 2 * 24 * 3600


def write(path, size=10, age=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def tidy(tmp_path):
    """A function that cleans up a folder without Git; the names of what it found."""

    def run(*kinds, really=False) -> dict[str, int]:
        roots = {name: tmp_path / name for name in ("data", "results", "logs")}
        found = list(find_litter(kinds, tmp_path, **roots))
        sizes = {str(entry.name).removeprefix(f"{tmp_path}/"): entry.size for entry in found}
        for entry in found if really else []:
            entry.remove()
        return sizes

    return run


def test_nothing_is_removed_unless_asked(tidy, tmp_path):
    aside = write(tmp_path / "results/mini/acb3/seed0/resume/state-1.pt.1.aside", 30)
    assert tidy("aside") == {"results/mini/acb3/seed0/resume": 30}
    assert aside.exists()
    assert tidy("aside", really=True) and not aside.exists()
    assert tidy("aside") == {}


def test_states_that_a_training_resumes_from_stay(tidy, tmp_path):
    kept = write(tmp_path / "results/mini/acb3/seed0/resume/state-000000010-0123456789abcdef.pt")
    write(kept.with_name("state-1.pt.1.aside"))
    lock = RunLock(kept.parent)
    lock.acquire(print)
    assert tidy("aside", really=True) == {}
    lock.release()
    tidy("aside", really=True)
    assert [file.name for file in kept.parent.iterdir() if file.suffix != ".json"] == [kept.name]


def test_half_written_files_go_once_nobody_can_be_writing_them(tidy, tmp_path):
    write(tmp_path / "results/mini/acb3/seed0/.checkpoint.pt.77.part", 5, age=DAYS)
    write(tmp_path / "data/archives/x/a.zip.part", 5, age=DAYS)
    write(tmp_path / "results/mini/acb3/seed0/.checkpoint.pt.78.part", 5)
    assert tidy("partial") == {"results/mini/acb3/seed0/.checkpoint.pt.77.part": 5}


def test_the_log_of_an_unfinished_training_stays(tidy, tmp_path):
    write(tmp_path / "results/mini/acb3/seed0/provenance.json")
    for run in ("acb3", "acb2"):
        write(tmp_path / f"logs/train/mini/{run}/seed0.log")
    write(tmp_path / "logs/evaluate/mini/acb3/seed0/single.log", age=DAYS)
    for number in range(3):
        write(tmp_path / f".snakemake/log/{number}.snakemake.log")
    assert tidy("logs", really=True) == {"logs": 20, ".snakemake/log": 20}
    assert (tmp_path / "logs/train/mini/acb2/seed0.log").exists()
    assert (tmp_path / ".snakemake/log/2.snakemake.log").exists()


def test_the_log_of_a_job_that_may_be_running_stays(tidy, tmp_path):
    write(tmp_path / "results/mini/acb3/seed0/provenance.json")  # of a training before
    write(tmp_path / "logs/train/mini/acb3/seed0.log", age=DAYS)
    for log in ("evaluate/mini/acb3/seed0/single.log", "prepare/camvid.log"):
        write(tmp_path / "logs" / log)
    resume = tmp_path / "results/mini/acb3/seed0/resume"
    resume.mkdir()
    lock = RunLock(resume)
    lock.acquire(print)
    assert tidy("logs", really=True) == {}
    lock.release()
    assert tidy("logs", really=True) == {"logs": 10}
    assert {log.name for log in (tmp_path / "logs").rglob("*.log")} == {"single.log", "camvid.log"}


def test_an_unknown_kind_is_answered_with_the_nearest(tidy):
    with pytest.raises(AcnetError, match=r"^KIND: unknown name 'log'; did you mean 'logs'\?"):
        tidy("log")
