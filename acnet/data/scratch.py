"""A prepared dataset on the disk of the machine that reads it, where ACNET_SCRATCH asks for that.

A copy lies in {scratch}/acnet-data/{dataset}-{digest}/{dataset}, named after its manifest, so that another preparation
is another folder. Jobs of one machine share it: the first copies while the others wait, and each file is compared with
its digest in the manifest before it takes its name. Folders of earlier preparations go once no job reads them.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from acnet.data.store import MANIFEST, FileDigest
from acnet.errors import AcnetError
from acnet.fetch.space import check_space
from acnet.files import digest, read_json, replacing, write_json
from acnet.progress import Progress

VARIABLE = "ACNET_SCRATCH"
_USED = "used.lock"
_PIECE = 1 << 22
_held: list[IO[str]] = []  # open for as long as the process lives: it reads these folders


def near(data_root: Path, dataset: str, splits: Sequence[str]) -> Path:
    """The root under which the `splits` of `dataset` are read: a copy on this machine, or `data_root` itself.

    Variables in ACNET_SCRATCH, such as $TMPDIR, are those of the machine. Where there is no room the shared data is
    read, and that is said. AcnetError if the shared data is not what its manifest says.
    """
    asked = os.environ.get(VARIABLE)
    manifest = data_root / dataset / MANIFEST
    if not asked or not manifest.exists():
        return data_root
    scratch = Path(os.path.expandvars(asked)) / "acnet-data"
    facts = read_json(manifest)["splits"]
    root = scratch / f"{dataset}-{digest(facts)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _held.append(_locked(root / _USED, fcntl.LOCK_SH))
        _free_others(scratch, dataset, root)
        with _locked(root / "copy.lock", fcntl.LOCK_EX):
            for split in splits:
                if "files" in facts.get(split, {}):  # else whoever opens it says what is missing
                    _copy(data_root / dataset, root / dataset, split, facts[split]["files"])
            write_json(root / dataset / MANIFEST, read_json(manifest))
    except (OSError, _Unfit) as error:
        print(f"{VARIABLE}: {scratch}: {error}; {data_root / dataset} is read instead", file=sys.stderr)
        return data_root
    return root


class _Unfit(Exception):
    """The scratch disk cannot take the copy."""


class _Damaged(Exception):
    """The shared file is not what its manifest says."""


def _copy(source: Path, target: Path, split: str, hashes: dict[str, str]) -> None:
    """Copy a split unless `target` has it, each file whole or not at all; the index, last, says that it is there."""
    index = f"{split}.index.json"
    if (target / index).exists():
        return
    sizes = {name: (source / name).stat().st_size for name in hashes}
    try:
        check_space(target, sum(sizes.values()), f"a copy of {source}")
    except AcnetError as error:
        raise _Unfit(str(error)) from error
    progress = Progress(f"copy {source.name} {split}", sum(sizes.values()) >> 20, "MiB")
    listed = read_json(source / index)
    pixels = sum(h * w for h, w in listed["sizes"])
    for name, expected in hashes.items():
        found = FileDigest(listed["sizes"], max(1, sizes[name] // max(1, pixels)))
        _copy_file(source / name, target / name, expected, found, progress)
    write_json(target / index, listed)
    progress.finish()


def _copy_file(source: Path, target: Path, expected: str, found: FileDigest, progress: Progress) -> None:
    try:
        with replacing(target) as temporary:
            with open(source, "rb") as reading, open(temporary, "wb") as writing:
                while piece := reading.read(_PIECE):
                    found.update(piece)
                    writing.write(piece)
                    progress.advance(len(piece) >> 20)
            if found.hexdigest() != expected:
                raise _Damaged
    except AcnetError as full:
        raise _Unfit(str(full)) from full
    except _Damaged:
        remedy = f"delete {source.parent / MANIFEST} and prepare again"
        raise AcnetError(f"{source}: its content is not what {MANIFEST} says; {remedy}") from None


def _free_others(scratch: Path, dataset: str, root: Path) -> None:
    """Remove copies of other preparations that nobody reads."""
    for other in scratch.glob(f"{dataset}-*"):
        if other == root or not (other / dataset).is_dir():
            continue
        try:
            lock = _locked(other / _USED, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        with lock:
            shutil.rmtree(other, ignore_errors=True)


def _locked(file: Path, how: int) -> IO[str]:
    """The open file, locked until it is closed; a scratch disk is local, so that flock holds."""
    handle = open(file, "a")  # noqa: SIM115 - closed by the caller
    try:
        fcntl.flock(handle, how)
    except OSError:
        handle.close()
        raise
    return handle
