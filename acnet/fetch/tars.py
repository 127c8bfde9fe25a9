"""Tar archives, plain or compressed, checked before and while they are unpacked."""

import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from acnet.errors import AcnetError
from acnet.fetch.members import check_name, refused

_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError)


def inspect(path: Path, limit: int) -> int:
    """The bytes it announces; AcnetError naming the first member that is a link, a device or would lie elsewhere.

    Reading a compressed tar means unpacking it in passing: it is given up beyond `limit` bytes.
    """
    total = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name in (".", "./"):
                    continue
                check_name(path, member.name)
                if member.issym() or member.islnk():
                    raise refused(path, member.name, "is a link")
                if not (member.isfile() or member.isdir()):
                    raise refused(path, member.name, "is a device or another special file")
                total += member.size
                if total > limit:
                    return total
    except _BROKEN as error:
        _refuse(path, error)
    return total


def unpack(path: Path, out: Path) -> Iterator[int]:
    """Write every member under `out` by Python's own data filter, yielding bytes as they are written."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name in (".", "./"):
                    continue
                target = out / member.name
                if target.exists() and not (member.isdir() and target.is_dir()):
                    raise refused(path, member.name, "is there twice, or both a file and a folder")
                archive.extract(member, out, filter="data")
                yield member.size
    except (FileExistsError, NotADirectoryError) as error:
        raise refused(path, member.name, "is there twice, or both a file and a folder") from error
    except tarfile.FilterError as error:
        raise refused(path, error.tarinfo.name, f"is refused ({error})") from error
    except _BROKEN as error:
        _refuse(path, error)


def _refuse(path: Path, error: Exception) -> NoReturn:
    if isinstance(error, OSError) and error.errno is not None:
        raise error  # the disk's fault, not the archive's
    raise AcnetError(f"{path}: not a whole tar ({error}); move it away and fetch again") from error
