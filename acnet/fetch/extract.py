"""Archives into a dataset's folder: nothing outside it, no links, no devices; whole or not at all."""

import contextlib
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from acnet.errors import AcnetError
from acnet.files import check_space, visible, write_json
from acnet.params.datasets import EXTRACTED, Dataset
from acnet.progress import Progress

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz")
_RATIO, _SMALL = 100, 10**8  # images are never compressed more than that
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)


def extract(name: str, dataset: Dataset, fetched: dict, out: Path) -> dict:
    """Unpack the archives of `fetched` (see fetch) into `out`; write and return {out}/extracted.json.

    Other files are copied. Files are written beside `out`, which is renamed at the end: an interrupted extraction
    starts again and is never read. Raises AcnetError, naming archive and member, for anything unsafe; if the disk has
    too little room; and if `out` holds files that were not extracted here.
    """
    if out.is_dir() and visible(out) and not (out / EXTRACTED).exists():
        raise AcnetError(f"{out}: holds files that were not extracted here; move them away, or use them as they are")
    limits = {archive.file: archive.unpacked for archive in dataset.archives}
    paths = {file: Path(entry["path"]) for file, entry in fetched["archives"].items()}
    needed = sum(_check(path, limits.get(file)) for file, path in paths.items())
    check_space(out.parent, needed, f"unpacking {name}")
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


def _check(path: Path, limit: int | None) -> int:
    """The bytes that a file will take once unpacked; AcnetError if a member is unsafe, or for more than `limit`."""
    if not path.is_file():
        raise AcnetError(f"{path}: not there any more; fetch it again")
    packed = path.stat().st_size
    if path.suffix not in _ARCHIVES:
        return packed
    limit, total, names = limit or _RATIO * packed + _SMALL, 0, set()
    with _opened(path) as archive:
        for _, name, size, plain in _members(archive):
            if name.startswith(("/", "\\")) or re.match(r"^[A-Za-z]:", name):
                raise _refused(path, name, "has an absolute path")
            if ".." in PurePosixPath(name.replace("\\", "/")).parts:
                raise _refused(path, name, "leaves the folder by '..'")
            if not plain:
                raise _refused(path, name, "is a link, a device or another special file")
            if name in names:
                raise _refused(path, name, "is there twice")
            names.add(name)
            total += size
            if total > limit:  # at once: reading on would unpack a compressed tar
                raise AcnetError(f"{path}: unpacks to more than {limit} bytes; possible decompression bomb, refused")
    return total


def _unpack(path: Path, out: Path) -> Iterator[int]:
    """Write the members of a checked archive under `out`, yielding the bytes of each."""
    if path.suffix not in _ARCHIVES:
        shutil.copyfile(path, out / path.name)
        yield path.stat().st_size
        return
    with _opened(path) as archive:
        options = {"filter": "data"} if isinstance(archive, tarfile.TarFile) else {}
        for member, name, size, _ in _members(archive):
            try:
                archive.extract(member, out, **options)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise _refused(path, name, "is both a file and a folder") from None
            except RuntimeError as error:  # encrypted, or a compression that Python does not have, such as Deflate64
                remedy = "pack its files again, or use the extracted folder"
                raise AcnetError(f"{path}: member '{name}': {error}; {remedy}") from error
            yield size


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    """An open archive; AcnetError where it turns out to be damaged."""
    try:
        with zipfile.ZipFile(path) if path.suffix == ".zip" else tarfile.open(path) as archive:
            yield archive
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk
        raise AcnetError(f"{path}: damaged ({error}); move it away and fetch again") from error


def _members(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[tuple[Any, str, int, bool]]:
    """(member, name, bytes, whether it is a plain file or folder) of each member."""
    if isinstance(archive, zipfile.ZipFile):
        for member in archive.infolist():
            form = stat.S_IFMT(member.external_attr >> 16)
            yield member, member.filename, member.file_size, form in (0, stat.S_IFREG, stat.S_IFDIR)
    else:
        for member in archive:
            yield member, member.name, member.size, member.isfile() or member.isdir()


def _refused(archive: Path, name: str, why: str) -> AcnetError:
    return AcnetError(f"{archive}: member '{name}' {why}; the archive is refused, get it from its publisher")
