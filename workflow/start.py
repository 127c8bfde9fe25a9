"""Start snakemake here; a lock that a killed one left behind is removed first.

Snakemake locks its folder and, killed with -9, leaves the lock. It is removed only if the snakemake that made it is
known to have run on this very machine, and to be dead; else Snakemake says what to do (`snakemake --unlock`).
"""

import os
import sys

from acnet.watch.workflow_lock import hold, note_machine, remove_stale_locks


def main() -> None:
    """Replace this process by snakemake with the arguments given."""
    remove_stale_locks()
    if held := hold():
        os.set_inheritable(held.fileno(), True)  # until snakemake has read the rules, which hold it too
    note_machine()
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *sys.argv[1:]])


if __name__ == "__main__":
    main()
