"""What a training tells others by files in its resume folder: progress.json and journal.txt."""

import contextlib
import socket
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.progress import Progress
from acnet.provenance import now

RESTORED = "restored"  # in a run's folder: it was restored from its record, which has no checkpoint
_PROGRESS, _JOURNAL = "progress.json", "journal.txt"


def write_progress(resume: Path, progress: Progress, loss: float | None, learning_rate: float) -> None:
    """Write how far a training is; on a full disk, training ends over its states, not over this."""
    facts = {
        "step": progress.done,
        "steps": progress.total,
        "loss": loss,
        "learning_rate": learning_rate,
        "steps_per_second": progress.speed,
        "seconds_left": progress.seconds_left,
    }
    with contextlib.suppress(AcnetError):
        write_json(resume / _PROGRESS, facts)


def read_progress(resume: Path) -> dict[str, Any] | None:
    """What the progress file says; None without one."""
    with contextlib.suppress(AcnetError):  # there is none yet, or it was removed just now
        return read_json(resume / _PROGRESS)
    return None


def note(resume: Path, text: str) -> None:
    """Append a line to the journal, which outlives a job's log."""
    resume.mkdir(parents=True, exist_ok=True)
    line = f"{now()} {socket.gethostname()} {text}\n"
    with contextlib.suppress(OSError), open(resume / _JOURNAL, "ab") as handle:
        handle.write(line.encode(errors="backslashreplace"))  # a path need not be UTF-8


def read_journal(resume: Path) -> list[str]:
    """The journal's lines."""
    with contextlib.suppress(FileNotFoundError):
        return (resume / _JOURNAL).read_text(encoding="utf-8").splitlines()
    return []
