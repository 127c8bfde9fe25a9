"""What a training tells others by files in its resume folder: progress.json, journal.txt, failure.json."""

import contextlib
import socket
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.progress import Progress
from acnet.provenance import now

PROGRESS, JOURNAL, FAILURE = "progress.json", "journal.txt", "failure.json"


def write_progress(resume: Path, progress: Progress, loss: float | None, learning_rate: float) -> None:
    """Write how far a training is; a full disk keeps it out, since training ends over its states, not over this."""
    facts = {
        "step": progress.done,
        "steps": progress.total,
        "loss": loss,
        "learning_rate": learning_rate,
        "steps_per_second": progress.speed,
        "seconds_left": progress.seconds_left,
    }
    with contextlib.suppress(AcnetError):
        write_json(resume / PROGRESS, facts)


def read_progress(resume: Path) -> dict[str, Any] | None:
    """What the progress file says; None without one."""
    return read_json(resume / PROGRESS) if (resume / PROGRESS).exists() else None


def note(resume: Path, text: str) -> None:
    """Append a line to the journal, which outlives a job's log; a full disk keeps it out."""
    resume.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError), open(resume / JOURNAL, "a", encoding="utf-8") as handle:
        handle.write(f"{now()} {socket.gethostname()} {text}\n")


def read_journal(resume: Path) -> list[str]:
    """The journal's lines."""
    file = resume / JOURNAL
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def write_failure(resume: Path, message: str, circumstances: str) -> None:
    """Write down that training failed with `message` under these circumstances, a digest."""
    write_json(resume / FAILURE, {"message": message, "circumstances": circumstances})


def read_failure(resume: Path) -> dict[str, str] | None:
    """The failure on record: message and circumstances; None without one."""
    return read_json(resume / FAILURE) if (resume / FAILURE).exists() else None
