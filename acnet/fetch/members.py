"""What a member of an archive may be."""

import re
from pathlib import Path, PurePosixPath

from acnet.errors import AcnetError


def refused(archive: Path, name: str, why: str) -> AcnetError:
    """The error for a hostile member."""
    return AcnetError(f"{archive}: member '{name}' {why}; the archive is refused, get it from its publisher")


def check_name(archive: Path, name: str) -> None:
    """AcnetError for a name that would lie outside the folder it is unpacked into."""
    if name.startswith(("/", "\\")) or re.match(r"^[A-Za-z]:", name):
        raise refused(archive, name, "has an absolute path")
    if ".." in PurePosixPath(name.replace("\\", "/")).parts:
        raise refused(archive, name, "leaves the folder by '..'")
    if "\0" in name or not name.strip("./"):
        raise refused(archive, name, "has no proper name")
