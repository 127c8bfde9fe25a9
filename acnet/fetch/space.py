"""Is there room on the disk?"""

import math
import shutil
from pathlib import Path

from acnet.errors import AcnetError

_SPARE = 100 * 10**6  # bytes left free for everything else


def check_space(folder: Path, needed: int, what: str) -> None:
    """AcnetError if `needed` bytes do not fit on the disk of `folder` (or of its nearest parent that exists)."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > 0 and needed + _SPARE > free:
        raise AcnetError(
            f"{folder}: {what} needs {_readable(needed)} and {_readable(_SPARE)} to spare, {_readable(free)} are free;"
            " free some and run the same command again"
        )


def _readable(count: int) -> str:
    """39.0 GB, 250 MB, 12 kB"""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 100 * size else f"{count / size:.0f} {unit}"
    return f"{math.ceil(count / 1000)} kB"
