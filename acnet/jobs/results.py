"""The files that a finished training leaves, and a second name for them until they are first used.

A Snakemake that was killed starts the training again, and removes its outputs when that job starts: also those of the
former job, if that has finished in the meantime. The files' second names are no outputs.
"""

import contextlib
import os
import shutil
from pathlib import Path

from acnet.data.store import MANIFEST
from acnet.files import digest, read_json, sha256
from acnet.jobs.status_files import RESTORED
from acnet.params.run import Run, initial_checkpoint
from acnet.provenance import changed_since, code

FILES = ("history.csv", "provenance.json", "checkpoint.pt")
_KEPT = ".finished"  # a folder of hard links


def inputs_digest(run: Run, folder: Path, data: Path) -> str | None:
    """A digest of the files that a training in `folder` learns from, and of the checkpoint that it starts from.

    `data` is the prepared dataset. None if one of them is not there.
    """
    initial = initial_checkpoint(run, folder) if run.init.kind == "run" else None
    if not (data / MANIFEST).exists() or (initial and not initial.exists()):
        return None
    splits = read_json(data / MANIFEST)["splits"]
    files = [splits.get(split, {}).get("files") for split in run.train_splits]  # with their hashes
    return digest([files, sha256(initial) if initial else None])


def in_place(folder: Path) -> bool:
    """Whether all results are in `folder`."""
    return all((folder / name).exists() for name in FILES)


def finished(folder: Path, run: Run, inputs: str | None) -> bool:
    """Whether these very parameters have been trained on these inputs and everything is in place."""
    if not in_place(folder):
        return False
    made = read_json(folder / "provenance.json")
    same = made["params_hash"] == run.digest() and made.get("inputs_digest") in (None, inputs)
    return same and made["checkpoint_sha256"] == sha256(folder / "checkpoint.pt")


def keep(folder: Path) -> None:
    """Give the results in `folder` their second names; nothing happens where a file system has no hard links."""
    forget(folder)
    with contextlib.suppress(OSError):
        (folder / _KEPT).mkdir()
        for name in FILES:
            os.link(folder / name, folder / _KEPT / name)


def put_back(folder: Path, run: Run, inputs: str | None) -> None:
    """Put kept results of `run` that were all removed in place again, unless inputs or code are others now."""
    kept = folder / _KEPT
    if any((folder / name).exists() for name in FILES) or not finished(kept, run, inputs):
        return
    if changed_since(read_json(kept / "provenance.json"), run, code()["source_hash"]):
        return
    for name in FILES:
        with contextlib.suppress(FileExistsError):  # another job of this run did it at this moment
            os.link(kept / name, folder / name)


def discard_measured(folder: Path) -> None:
    """Remove what was measured of the network that is in `folder`, before another one takes its place."""
    for name in ("metrics", "evaluating"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("gates.json", "examples.npz", RESTORED):
        (folder / name).unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Remove the second names, once the results have been used or are to be made anew."""
    shutil.rmtree(folder / _KEPT, ignore_errors=True)
