"""Tell the lock of a killed snakemake from that of a running one.

Snakemake's lock files name no process. Each snakemake of this project therefore shares the lock of one more file, which
the kernel ends with it, and which names the machines they ran on.
"""

import contextlib
import platform
from pathlib import Path
from typing import TextIO

from acnet.files import flock

STATE = Path(".snakemake")


def hold(state: Path = STATE) -> TextIO | None:
    """The file whose lock this process shares until the file is closed; None where nothing can be locked."""
    with contextlib.suppress(OSError):
        return flock(_machines(state), shared=True, wait=True)
    return None


def note_machine(state: Path = STATE) -> None:
    """Write down that this machine has locks of Snakemake's, or is about to."""
    with contextlib.suppress(OSError), open(_machines(state), "a", encoding="utf-8") as handle:
        handle.write(f"{platform.node()}\n")


def remove_stale_locks(state: Path = STATE) -> None:
    """Remove Snakemake's locks if whoever made them ran on this machine and is dead; in doubt leave them."""
    with contextlib.suppress(OSError):
        if (handle := flock(_machines(state))) is None:  # one is at work
            return
        with handle:
            handle.seek(0)
            locks = list((state / "locks").glob("*"))
            if not locks or set(handle.read().split()) == {platform.node()}:
                for lock in locks:
                    lock.unlink(missing_ok=True)
                handle.truncate(0)


def _machines(state: Path) -> Path:
    state.mkdir(parents=True, exist_ok=True)
    return state / "machines"
