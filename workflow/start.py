"""Start snakemake here; a lock that a killed one left behind is removed first.

Snakemake locks its folder and, killed with -9, leaves the lock. It is removed only if the snakemake that made it is
known to have run on this very machine, and to be dead; else Snakemake says what to do (`snakemake --unlock`).
"""

import os
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_dir

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the code of this checkout, whichever one is installed

from acnet.workflow_lock import STATE, hold, note_machine, remove_stale_locks  # noqa: E402


def main() -> None:
    """Replace this process by snakemake with the arguments given."""
    remove_stale_locks()
    if held := hold():
        os.set_inheritable(held.fileno(), True)  # until snakemake has read the rules, which hold it too
    note_machine()
    give_cache()
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *sys.argv[1:]])


def give_cache() -> None:
    """Where Snakemake's cache below HOME cannot be written, let XDG_CACHE_HOME name a folder here."""
    cache = Path(user_cache_dir("snakemake", "snakemake"))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()
    except OSError as error:
        os.environ["XDG_CACHE_HOME"] = str((STATE / "cache").resolve())
        print(f"{cache}: {error.strerror}; using XDG_CACHE_HOME={os.environ['XDG_CACHE_HOME']}", file=sys.stderr)


if __name__ == "__main__":
    main()
