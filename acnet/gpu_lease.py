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
    """The number of a GPU, of the `count` visible ones, that no other process has leased; waits for one.

    CUDA_VISIBLE_DEVICES limits the leases to the GPUs that it names. A single GPU is not leased: several processes may
    share it. Lock files of the local machine lie in `folder`, by default one for each user, or for each Slurm job that
    was given GPUs: Slurm may number them anew in each.
    """
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    names = visible[:count] or list(map(str, range(count)))
    if len(names) < 2:
        return 0
    if _held:
        return _held[0][0]
    job = os.environ.get("SLURM_JOB_ID") if visible else None
    folder = folder or Path(tempfile.gettempdir()) / f"acnet-gpus-{os.getuid()}{f'-{job}' if job else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    said = False
    while True:
        for number, name in enumerate(names):
            if (handle := flock(folder / f"{name}.lock")) is not None:
                _held.append((number, handle))
                return number
        if not said:
            print(f"all {len(names)} GPUs are leased ({folder}); waiting for one", file=sys.stderr)
            said = True
        time.sleep(every)
