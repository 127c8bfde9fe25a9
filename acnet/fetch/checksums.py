"""Is a file the one that was published, or the one that was used first?"""

import hashlib
import tarfile
import zipfile
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.params.datasets import DIGESTS, Archive

RECORD = "checksums.json"
_BLOCK = 1 << 20
_AWAY = "move it away and fetch again"


class WrongBytes(AcnetError):
    """A file is not what it should be."""


def digests(path: Path) -> dict[str, str]:
    """The md5, sha1 and sha256 of a file, read once."""
    hashes = {kind: hashlib.new(kind, usedforsecurity=False) for kind in DIGESTS}
    with open(path, "rb") as handle:
        while block := handle.read(_BLOCK):
            for made in hashes.values():
                made.update(block)
    return {kind: made.hexdigest() for kind, made in hashes.items()}


def verify(path: Path, archive: Archive, record: Path) -> dict:
    """Compare a file with the published checksums, or with the one in `record`, made at its first use.

    Returns {sha256, bytes}. Raises WrongBytes, naming the file and what differs. A file nobody published a checksum
    for must at least open as what its name says, so that no error page becomes the recorded one.
    """
    size = path.stat().st_size
    if archive.bytes is not None and size != archive.bytes:
        raise WrongBytes(f"{path}: has {size} bytes instead of {archive.bytes}; {_AWAY}")
    found = digests(path)
    published = {kind: getattr(archive, kind) for kind in DIGESTS if getattr(archive, kind)}
    for kind, wanted in published.items():
        if found[kind] != wanted:
            raise WrongBytes(f"{path}: its {kind} is {found[kind]} instead of {wanted}; {_AWAY}")
    mark = {"sha256": found["sha256"], "bytes": size}
    if not published:
        _check_recorded(path, archive.file, mark, record)
    return mark


def _check_recorded(path: Path, name: str, mark: dict, record: Path) -> None:
    known = read_json(record) if record.exists() else {}
    if name not in known:
        _check_form(path, name)
        write_json(record, {**known, name: mark})
    elif known[name] != mark:
        raise WrongBytes(
            f"{path}: its sha256 is {mark['sha256']}, at its first use it was {known[name]['sha256']}; if the new file "
            f"is right, delete its entry in {record}"
        )


def _check_form(path: Path, name: str) -> None:
    with open(path, "rb") as handle:
        start = handle.read(1 << 10).lstrip()[:1]
    fits = {
        ".zip": zipfile.is_zipfile,
        ".tar": tarfile.is_tarfile,
        ".gz": tarfile.is_tarfile,
        ".json": lambda _: start == b"{",
    }
    check = fits.get(Path(name).suffix)
    if check and not check(path):
        raise WrongBytes(f"{path}: is no {Path(name).suffix} file (an error page?); {_AWAY}")
