"""One GPU per process on a machine with several: a lock file per device, freed when its process ends or dies."""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

from acnet.files import flock

_held: list[tuple[int, TextIO]] = []  # open for as long as the process lives


def lease(count: int, folder: Path | None = None, every: float = 1.0) -> int:
    """The number of a GPU, of `count`, that no other process has leased; waits for one.

    With CUDA_VISIBLE_DEVICES set, somebody has already assigned: that order is kept and the first one taken. So it is
    with a single GPU, which several processes may share. Lock files of the local machine lie in `folder`.
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
            if (handle := flock(folder / f"{number}.lock")) is not None:
                _held.append((number, handle))
                return number
        if not said:
            print(f"all {count} GPUs are leased ({folder}); waiting for one", file=sys.stderr)
            said = True
        time.sleep(every)
