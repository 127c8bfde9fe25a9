"""The files that a finished training leaves, and a second name for them until they are first used.

A Snakemake that was killed submits the training again, and removes its outputs when that job starts: also those of the
former job, if that has finished in the meantime. The files' second names are no outputs.
"""

import contextlib
import os
import shutil
from pathlib import Path

from acnet.files import read_json, sha256
from acnet.params.run import Run

FILES = ("history.csv", "provenance.json", "checkpoint.pt")
_KEPT = ".finished"  # a folder of hard links


def finished(folder: Path, run: Run) -> bool:
    """Whether these very parameters have been trained and everything is in place."""
    if not all((folder / name).exists() for name in FILES):
        return False
    made = read_json(folder / "provenance.json")
    return made["params_hash"] == run.digest() and made["checkpoint_sha256"] == sha256(folder / "checkpoint.pt")


def keep(folder: Path) -> None:
    """Give the results in `folder` their second names; nothing happens where a file system has no hard links."""
    forget(folder)
    with contextlib.suppress(OSError):
        (folder / _KEPT).mkdir()
        for name in FILES:
            os.link(folder / name, folder / _KEPT / name)


def put_back(folder: Path, run: Run, data: Path) -> None:
    """Put results of `run` that were all removed in place again, unless what they were made from is newer."""
    kept = folder / _KEPT
    if any((folder / name).exists() for name in FILES) or not finished(kept, run):
        return
    sources = [data / "manifest.json"]
    if run.init.kind == "run":
        sources.append(folder.parent.parent / run.init.run / folder.name / "checkpoint.pt")
    made = (kept / "checkpoint.pt").stat().st_mtime
    if any(not source.exists() or source.stat().st_mtime > made for source in sources):
        return
    for name in FILES:
        os.link(kept / name, folder / name)


def forget(folder: Path) -> None:
    """Remove the second names, once the results have been used or are made anew."""
    shutil.rmtree(folder / _KEPT, ignore_errors=True)
