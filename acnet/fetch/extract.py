"""Archives into a dataset's folder: nothing outside it, whole or not at all."""

import contextlib
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import check_space, held, visible, write_json
from acnet.params.datasets import EXTRACTED, Dataset
from acnet.progress import Progress

_MARK = ".extracted"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz")
_RATIO, _SMALL = 100, 10**8  # images are never compressed more than that
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


def extract(name: str, dataset: Dataset, fetched: dict, out: Path) -> None:
    """Unpack the archives of `fetched` (see fetch) into `out`, and write {out}/extracted.json.

    Other files are copied. Files are written beside `out`, which is renamed at the end: an interrupted extraction
    starts again and is never read. Raises AcnetError, naming the archive, where it cannot be unpacked safely; if the
    disk has too little room; and if `out` holds files that were not extracted here.
    """
    out = out.resolve()  # a link may lead to a larger disk
    if out.is_dir() and visible(out) and not is_extracted(out):
        raise AcnetError(f"{out}: holds files that were not extracted here; move them away, or use them as they are")
    limits = {archive.file: archive.unpacked for archive in dataset.archives}
    paths = {file: Path(entry["path"]) for file, entry in fetched["archives"].items()}
    needed = sum(_unpacked_bytes(path, limits.get(file)) for file, path in paths.items())
    check_space(out.parent, needed, f"unpacking {name}")
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = out.with_name(f".{out.name}.lock")
    with held(lock, f"{out}: another process is unpacking {name}; wait for that one"):
        try:
            _extract(name, paths, needed, fetched, out)
        finally:
            lock.unlink(missing_ok=True)


def _extract(name: str, paths: dict[str, Path], needed: int, fetched: dict, out: Path) -> None:
    work = out.with_name(f".{out.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        progress, done = Progress(f"extract {name}", needed // 10**6, "MB"), 0
        for path in paths.values():
            for size in _unpack(path, work):
                done += size
                progress.advance(done // 10**6 - progress.done)
        progress.finish()
        hashes = {file: entry["sha256"] for file, entry in fetched["archives"].items()}
        record = {"dataset": name, "archives": hashes, "missing": sorted(fetched["missing"])}
        write_json(work / EXTRACTED, record)
        (work / _MARK).touch()
        shutil.rmtree(out, ignore_errors=True)
        os.replace(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def is_extracted(folder: Path) -> bool:
    """Whether `extract` filled `folder`. The record is an output: Snakemake removes it before a repetition."""
    return (folder / EXTRACTED).exists() or (folder / _MARK).exists()


def _unpacked_bytes(path: Path, limit: int | None) -> int:
    """The bytes that a file will take once unpacked; AcnetError for more than `limit` (None: 100 times its size)."""
    if not path.is_file():
        raise AcnetError(f"{path}: no longer exists; fetch it again")
    packed, total = path.stat().st_size, 0
    if path.suffix not in _ARCHIVES:
        return packed
    limit = limit or _RATIO * packed + _SMALL
    with _opened(path) as archive:
        for _, size in _members(archive):
            total += size
            if total > limit:  # at once: reading on would unpack a compressed tar
                raise AcnetError(f"{path}: unpacks to more than {limit} bytes; possible decompression bomb, refused")
    return total


def _unpack(path: Path, out: Path) -> Iterator[int]:
    """Write the members of an archive under `out`, yielding the bytes of each."""
    if path.suffix not in _ARCHIVES:
        shutil.copyfile(path, out / path.name)
        yield path.stat().st_size
        return
    with _opened(path) as archive:
        # A zip leaves out .. and roots, and makes no links; the filter refuses names outside `out`, and devices.
        tar = isinstance(archive, tarfile.TarFile)
        safe = {"filter": "data"} if tar and hasattr(tarfile, "data_filter") else {}
        for member, size in _members(archive):
            if tar and not safe:  # Python 3.11.0 to 3.11.3
                _refuse_unsafe(member)
            archive.extract(member, out, **safe)
            yield size


def _refuse_unsafe(member: tarfile.TarInfo) -> None:
    name = Path(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"'{member.name}' is a link, a device or outside the folder")


def _members(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[tuple[zipfile.ZipInfo | tarfile.TarInfo, int]]:
    """The members of an archive, each with its bytes."""
    if isinstance(archive, zipfile.ZipFile):
        return ((member, member.file_size) for member in archive.infolist())
    return ((member, member.size) for member in archive)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    """An open archive; AcnetError where it is damaged, unsafe, encrypted or compressed in an unknown way."""
    try:
        with zipfile.ZipFile(path) if path.suffix == ".zip" else tarfile.open(path) as archive:
            yield archive
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk
        raise AcnetError(f"{path}: cannot be unpacked ({error}); fetch it again, or use the unpacked folder") from error
