"""Archives into a dataset's folder: nothing outside it, no links, no devices; whole or not at all."""

import os
import shutil
from pathlib import Path

from acnet.errors import AcnetError
from acnet.fetch import tars, zips
from acnet.fetch.space import check_space
from acnet.files import visible, write_json
from acnet.params.datasets import Dataset
from acnet.progress import Progress

EXTRACTED = "extracted.json"
_KINDS = {".zip": zips, ".tar": tars, ".gz": tars, ".tgz": tars}
_RATIO, _SMALL = 100, 10**8  # more than that is no picture's compression


def extract(name: str, dataset: Dataset, fetched: dict, out: Path) -> dict:
    """Unpack the archives of `fetched` (see fetch) into `out`; write and return {out}/extracted.json.

    What is no archive is copied. Work is done beside `out` and renamed at the end, so that a broken-off extraction
    is begun anew and never read. Raises AcnetError, naming archive and member, for anything hostile; for a full
    disk before it is filled; and if `out` holds files that were not extracted here.
    """
    if out.is_dir() and visible(out) and not (out / EXTRACTED).exists():
        raise AcnetError(f"{out}: holds files that were not extracted here; move them away, or use them as they are")
    limits = {archive.file: archive.unpacked for archive in dataset.archives}
    paths = {file: Path(entry["path"]) for file, entry in fetched["archives"].items()}
    sizes = {file: _announced(path, limits.get(file)) for file, path in paths.items()}
    check_space(out.parent, sum(sizes.values()), f"unpacking {name}")
    work = out.with_name(f".{out.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        progress = Progress(f"extract {name}", sum(sizes.values()) // 10**6, "MB")
        for path in paths.values():
            _unpack(path, work, progress)
        progress.finish()
        record = {
            "dataset": name,
            "archives": {file: entry["sha256"] for file, entry in fetched["archives"].items()},
            "missing": sorted(fetched["missing"]),
        }
        write_json(work / EXTRACTED, record)
        if out.exists():
            shutil.rmtree(out)
        os.replace(work, out)
        return record
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _announced(path: Path, limit: int | None) -> int:
    """The bytes that an archive says it holds, after all its members were found harmless."""
    if not path.is_file():
        raise AcnetError(f"{path}: not there any more; fetch it again")
    packed = path.stat().st_size
    kind = _KINDS.get(path.suffix)
    if kind is None:
        return packed
    limit = limit or _RATIO * packed + _SMALL
    size = kind.inspect(path, limit)
    if size > limit:
        raise AcnetError(f"{path}: unpacks to {size} bytes, more than the {limit} expected; it is refused as a bomb")
    return size


def _unpack(path: Path, work: Path, progress: Progress) -> None:
    kind = _KINDS.get(path.suffix)
    if kind is None:
        shutil.copyfile(path, work / path.name)
        progress.advance(path.stat().st_size // 10**6)
        return
    total = 0
    for size in kind.unpack(path, work):
        total += size
        progress.advance((total // 10**6) - ((total - size) // 10**6))
