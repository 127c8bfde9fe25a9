"""One GPU per process on a machine with several: a lock file per device, freed when its process ends or dies."""

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

_held: list[tuple[int, IO[str]]] = []  # open for as long as the process lives


def lease(count: int, folder: Path | None = None, every: float = 1.0) -> int:
    """The number of a GPU, of `count`, that no other process has leased; waits for one.

    With CUDA_VISIBLE_DEVICES set, somebody has already assigned: that order is kept and the first one taken. So it is
    with a single GPU, which several processes may share. Locks of the local machine (flock) lie in `folder`.
    """
    if count < 2 or os.environ.get("CUDA_VISIBLE_DEVICES"):
        return 0
    if _held:
        return _held[0][0]
    folder = folder or Path(tempfile.gettempdir()) / f"acnet-gpus-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    said = False
    while True:
        for number in range(count):
            handle = open(folder / f"{number}.lock", "a")  # noqa: SIM115 - held until the process ends
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
                continue
            _held.append((number, handle))
            return number
        if not said:
            print(f"all {count} GPUs are leased ({folder}); waiting for one", file=sys.stderr)
            said = True
        time.sleep(every)
