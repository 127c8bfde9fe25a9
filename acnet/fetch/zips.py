"""Zip archives, checked before and while they are unpacked."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from acnet.errors import AcnetError
from acnet.fetch.members import check_name, refused

_BLOCK = 1 << 20
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


def inspect(path: Path, limit: int) -> int:
    """The bytes it announces; AcnetError naming the first member that is a link, a device or would lie elsewhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.strip("/") == ".":
                    continue
                check_name(path, member.filename)
                form = stat.S_IFMT(member.external_attr >> 16)
                if form == stat.S_IFLNK:
                    raise refused(path, member.filename, "is a link")
                if form not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise refused(path, member.filename, "is a device or another special file")
                if member.flag_bits & 1:
                    raise refused(path, member.filename, "is encrypted")
                if member.compress_type not in _COMPRESSIONS:  # such as the Deflate64 of Windows
                    kind = f"compression type {member.compress_type}, which Python cannot unpack"
                    raise AcnetError(f"{path}: '{member.filename}' has {kind}; zip its files again, or use the folder")
            return sum(member.file_size for member in archive.infolist())
    except _BROKEN as error:
        raise AcnetError(f"{path}: not a whole zip ({error}); move it away and fetch again") from error


def unpack(path: Path, out: Path) -> Iterator[int]:
    """Write every member under `out`, yielding bytes as they are written; AcnetError if one is not as announced."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            target = out / member.filename
            written = 0
            try:
                (target if member.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
                if member.is_dir():
                    continue
                with archive.open(member) as source, open(target, "xb") as handle:
                    while block := source.read(_BLOCK):
                        written += len(block)
                        if written > member.file_size:
                            raise refused(path, member.filename, "is larger than announced")
                        handle.write(block)
                        yield len(block)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise refused(path, member.filename, "is there twice, or both a file and a folder") from None
            except _BROKEN as error:
                raise refused(path, member.filename, f"is not what was announced ({error})") from error
            if written != member.file_size:
                raise refused(path, member.filename, f"has {written} bytes instead of {member.file_size}")
