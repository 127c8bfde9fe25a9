"""Start snakemake here; a lock that a killed one left behind is removed first.

Snakemake locks its folder and, killed with -9, leaves the lock. It is removed only if the snakemake that this script
started last, on this very host, is dead and no other one works in this folder.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

STATE = Path(".snakemake")
STARTED = STATE / "started.json"


def main() -> None:
    """Replace this process by snakemake with the arguments given."""
    snakemake = [sys.executable, "-m", "snakemake"]
    if any((STATE / "locks").glob("*")) and lock_is_stale():
        subprocess.run([*snakemake, "--unlock", "--quiet"], check=False, capture_output=True)
    STATE.mkdir(exist_ok=True)
    STARTED.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
    os.execv(sys.executable, [*snakemake, *sys.argv[1:]])


def lock_is_stale() -> bool:
    """Whether nobody can be holding the lock."""
    try:
        started = json.loads(STARTED.read_text())
    except (OSError, ValueError):
        return False
    return started["host"] == socket.gethostname() and not any(map(works_here, psutil.process_iter(["cmdline", "cwd"])))


def works_here(process: psutil.Process) -> bool:
    """Whether a process is a snakemake in this folder, jobs that outlived theirs left out."""
    words = process.info["cmdline"] or []
    is_snakemake = any(word.endswith("snakemake") for word in words[:3]) and "--target-jobs" not in words
    return is_snakemake and process.info["cwd"] == os.getcwd() and process.pid != os.getpid()


if __name__ == "__main__":
    main()
