"""Start snakemake here; a lock that a killed one left behind is removed first.

Snakemake locks its folder and, killed with -9, leaves the lock. It is removed only if the snakemake that made it is
known to have run on this very machine, and to be dead; else Snakemake says what to do (`snakemake --unlock`).
"""

import os
import sys

from acnet.watch.workflow_lock import is_stale, locks_of, starting


def main() -> None:
    """Replace this process by snakemake with the arguments given."""
    locks = locks_of()
    if locks and is_stale():
        for lock in locks:
            lock.unlink(missing_ok=True)
    starting()
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *sys.argv[1:]])


if __name__ == "__main__":
    main()
