"""What a training tells others while it runs: its progress file and its journal."""

import contextlib
import socket
import time
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.provenance import now

PROGRESS, JOURNAL = "progress.json", "journal.txt"


class Live:
    """Writes {resume}/progress.json every `every` seconds: step, steps, loss, rate, ETA."""

    def __init__(self, resume: Path, step: int, steps: int, every: float = 3.0):
        self._resume, self._start, self._steps, self._every = resume, step, steps, every
        self._began = time.monotonic()
        self._written = self._began - every

    def tell(self, step: int, loss: float | None, learning_rate: float) -> None:
        """Write where training stands, if it is time to."""
        passed = time.monotonic() - self._began
        if self._began + passed - self._written < self._every:
            return
        self._written = self._began + passed
        rate = (step - self._start) / passed if passed > 0 else 0.0
        facts = {
            "step": step,
            "steps": self._steps,
            "loss": loss,
            "learning_rate": learning_rate,
            "steps_per_second": rate,
            "seconds_left": (self._steps - step) / rate if rate > 0 else None,
        }
        with contextlib.suppress(AcnetError):  # a full disk: training ends over its states, not over this
            write_json(self._resume / PROGRESS, facts)


def progress(resume: Path) -> dict[str, Any] | None:
    """What the progress file says; None without one."""
    return read_json(resume / PROGRESS) if (resume / PROGRESS).exists() else None


def note(resume: Path, text: str) -> None:
    """Append a line to the journal, which outlives a job's log; a full disk keeps it out."""
    resume.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError), open(resume / JOURNAL, "a", encoding="utf-8") as handle:
        handle.write(f"{now()} {socket.gethostname()} {text}\n")


def journal(resume: Path) -> list[str]:
    """The journal's lines."""
    file = resume / JOURNAL
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
