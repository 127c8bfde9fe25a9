"""Is there room on the disk?"""

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
            f"{folder}: {what} needs {_gigabytes(needed)}, {_gigabytes(free)} are free;"
            " free some and run the same command again"
        )


def _gigabytes(count: int) -> str:
    return f"{count / 10**9:.1f} GB"
