"""Fake qsub, qstat and qdel: a PBS that runs each job here and at once. The name it is called by says which."""

import os
import signal
import subprocess
import sys
from pathlib import Path

JOBS = Path(__file__).resolve().parent / "pbs-jobs"


def qsub(*arguments: str) -> None:
    """Start the script, the last argument, and print its number."""
    JOBS.mkdir(exist_ok=True)
    number = f"{len(list(JOBS.iterdir())) + 1}.pbs"
    job = JOBS / number
    job.mkdir()
    (job / "asked").write_text(" ".join(arguments[:-1]))
    command = f'bash "{arguments[-1]}" > "{job}/output" 2>&1; echo $? > "{job}/status"'
    child = subprocess.Popen(["bash", "-c", command], start_new_session=True, stdout=subprocess.DEVNULL)
    (job / "group").write_text(str(child.pid))
    print(number)


def qstat(*arguments: str) -> None:
    """Print the facts of the job that the last argument names, as PBS does with -x -f."""
    job = JOBS / arguments[-1]
    if not job.exists():
        sys.exit(f"qstat: Unknown Job Id {arguments[-1]}")
    status = job / "status"
    print(f"Job Id: {job.name}\n    job_state = {'F' if status.exists() else 'R'}")
    if status.exists():
        print(f"    Exit_status = {status.read_text()}")


def qdel(*numbers: str) -> None:
    """Kill the jobs with all their processes."""
    for number in numbers:
        os.killpg(int((JOBS / number / "group").read_text()), signal.SIGKILL)
        (JOBS / number / "status").write_text("271\n")


if __name__ == "__main__":
    {"qsub": qsub, "qstat": qstat, "qdel": qdel}[Path(sys.argv[0]).name](*sys.argv[1:])
