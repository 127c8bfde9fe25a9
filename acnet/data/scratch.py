"""A prepared dataset on the disk of the machine that reads it, where ACNET_SCRATCH asks for that.

A copy lies in {scratch}/acnet-data/{dataset}-{digest}/{dataset}, named after its manifest, so that another preparation
is another folder. Jobs of one machine share it: the first copies while the others wait, and each file is compared with
its digest in the manifest before it takes its name. Folders of earlier preparations go once no job reads them.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from acnet.data.store import MANIFEST, digest_of
from acnet.errors import AcnetError
from acnet.files import check_space, digest, flock, read_json, replacing, write_json
from acnet.progress import Progress

VARIABLE = "ACNET_SCRATCH"
_USED = "used.lock"
_held: list[TextIO] = []  # open for as long as the process lives: it reads these folders


class _Damaged(AcnetError):
    """A shared file is not what its manifest says."""


def near(data_root: Path, dataset: str, splits: Sequence[str]) -> Path:
    """The root under which the `splits` of `dataset` are read: a copy on this machine, or `data_root` itself.

    Variables in ACNET_SCRATCH, such as $TMPDIR, are those of the machine. Without enough room the shared data is
    read, and a line says so. AcnetError if the shared data is not what its manifest says.
    """
    requested = os.environ.get(VARIABLE)
    manifest = data_root / dataset / MANIFEST
    if not requested or not manifest.exists():
        return data_root
    scratch = Path(os.path.expandvars(requested)).expanduser() / "acnet-data"
    if "$" in str(scratch):
        instead = f"{data_root / dataset} is read instead"
        print(f"{VARIABLE}: {requested}: a variable in it is not set; {instead}", file=sys.stderr)
        return data_root
    facts = read_json(manifest)["splits"]
    root = scratch / f"{dataset}-{digest(facts)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _held.append(flock(root / _USED, shared=True, wait=True))
        _free_others(scratch, dataset, root)
        with flock(root / "copy.lock", wait=True):
            for split in splits:
                if "files" in facts.get(split, {}):  # else whoever opens it says what is missing
                    _copy(data_root / dataset, root / dataset, split, facts[split]["files"])
            write_json(root / dataset / MANIFEST, read_json(manifest))
    except _Damaged:
        raise
    except (OSError, AcnetError) as error:
        print(f"{VARIABLE}: {scratch}: {error}; {data_root / dataset} is read instead", file=sys.stderr)
        return data_root
    return root


def _copy(source: Path, target: Path, split: str, digests: dict[str, str]) -> None:
    """Copy a split unless `target` has it, each file whole or not at all; the index is written last."""
    index = f"{split}.index.json"
    if (target / index).exists():
        return
    listed = read_json(source / index)
    needed = sum((source / name).stat().st_size for name in digests)
    check_space(target, needed, f"a copy of {source}")
    progress = Progress(f"copy {source.name} {split}", needed >> 20, "MiB")
    for name, expected in digests.items():
        with replacing(target / name) as temporary:
            shutil.copyfile(source / name, temporary)
            if digest_of(temporary, listed["sizes"]) != expected:
                remedy = f"delete {source / MANIFEST} and prepare again"
                raise _Damaged(f"{source / name}: its content is not what {MANIFEST} says; {remedy}")
        progress.advance((source / name).stat().st_size >> 20)
    write_json(target / index, listed)
    progress.finish()


def _free_others(scratch: Path, dataset: str, root: Path) -> None:
    """Remove copies of other preparations that nobody reads."""
    for other in scratch.glob(f"{dataset}-*"):
        if other == root or not (other / dataset).is_dir():
            continue
        if (lock := flock(other / _USED)) is not None:
            with lock:
                shutil.rmtree(other, ignore_errors=True)
