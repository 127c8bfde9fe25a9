"""One trainer per run: a lock file with a heartbeat. It needs no flock, which network file systems break."""

import contextlib
import dataclasses
import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from acnet.errors import AcnetError

FILE = "lock.json"
BEAT = 5.0  # seconds between heartbeats
STALE = 60.0  # seconds without one after which a holder on another machine counts as dead


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lock; `place` tells machines and containers apart."""

    host: str
    place: str
    pid: int
    token: str
    job: str = ""
    group: str = ""

    def __str__(self) -> str:
        job = f", job {self.job}" if self.job else ""
        return f"process {self.pid} on {self.host}{job}"

    def has_died(self) -> bool:
        """Whether it ran on this machine and no longer does; False for one on another machine."""
        if self.place != _place():
            return False
        try:
            os.kill(self.pid, 0)
        except OSError as error:
            return isinstance(error, ProcessLookupError)
        return False


class RunLock:
    """The right to train in a resume folder.

    `acquire` waits while another trainer lives, on this machine or another, and takes over when it ends or dies.
    `check` raises AcnetError once another trainer has taken over (this process was asleep for too long).
    """

    def __init__(self, folder: Path, group: str = "", beat: float = BEAT, stale: float = STALE):
        self._file, self._beat, self._stale = folder / FILE, beat, stale
        job = os.environ.get("SLURM_JOB_ID", "")
        self._own = Holder(socket.gethostname(), _place(), os.getpid(), uuid.uuid4().hex, job, group)
        self._ended = threading.Event()
        self._lost = False

    def acquire(self, waiting: Callable[[Holder], None], every: float = 1.0) -> None:
        """Take the lock, looking at it every `every` seconds; every tenth time `waiting` is called with the holder."""
        looks, seen, since = 0, None, 0.0
        while not self._create():
            holder, modified = found = _read(self._file)
            if modified is None:
                continue  # released in the meantime
            if found != seen:
                seen, since = found, time.monotonic()
            # Times are compared on this machine's clock only: another's may differ.
            if (holder and holder.has_died()) or time.monotonic() - since > self._stale:
                self._evict(found)
                continue
            if holder and looks % 10 == 0:
                waiting(holder)
            looks += 1
            time.sleep(every)
        threading.Thread(target=self._keep_beating, daemon=True).start()

    def check(self) -> None:
        """AcnetError if this process no longer holds the lock."""
        if self._lost:
            raise AcnetError(f"{self._file}: another trainer has taken this run over; this one stops")

    def release(self) -> None:
        """Let the next one in; the folder goes too if nothing else is in it."""
        self._ended.set()
        if _read(self._file)[0] == self._own:
            self._file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._file.parent.rmdir()

    def _create(self) -> bool:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle = open(self._file, "x", encoding="utf-8")  # noqa: SIM115 - closed below
        except (FileExistsError, FileNotFoundError):  # held, or its folder was removed at this very moment
            return False
        try:
            with handle:
                json.dump(dataclasses.asdict(self._own), handle)
        except OSError:
            self._file.unlink(missing_ok=True)
            raise
        return True

    def _evict(self, dead: tuple[Holder | None, float]) -> None:
        """Remove a dead holder's file, unless another waiter did so first and holds the lock by now.

        One waiter at a time: of two that find the same holder dead, the slower one would remove the faster one's file.
        """
        guard = self._file.with_name(f"{FILE}.evicting")
        try:
            guard.touch(exist_ok=False)
        except FileExistsError:
            # Held for milliseconds, if its maker lives.
            if (made := _read(guard)[1]) is not None and time.time() - made > 2 * self._stale:
                guard.unlink(missing_ok=True)
            time.sleep(0.01)
        except FileNotFoundError:  # the folder has gone with the lock
            return
        else:
            if _read(self._file) == dead:
                self._file.unlink(missing_ok=True)
            guard.unlink(missing_ok=True)

    def _keep_beating(self) -> None:
        unread = 0
        while not self._ended.wait(self._beat):
            holder, _ = _read(self._file)
            unread = 0 if holder else unread + 1  # a network file system may fail to read it once
            if holder not in (None, self._own) or unread > 1:
                self._lost = not self._ended.is_set()
                return
            with contextlib.suppress(OSError):
                os.utime(self._file)


def live_holder(folder: Path) -> Holder | None:
    """Who trains in this resume folder now, as far as one look can tell."""
    holder, modified = _read(folder / FILE)
    if holder is None or holder.has_died():
        return None
    return holder if time.time() - modified < 2 * STALE else None  # twice, since clocks of machines differ


def _read(file: Path) -> tuple[Holder | None, float | None]:
    """Whom a lock file names (None if its writer was killed too early), and its time stamp (None without a file)."""
    try:
        modified = file.stat().st_mtime
    except OSError:
        return None, None
    try:
        return Holder(**json.loads(file.read_text(encoding="utf-8"))), modified
    except (OSError, ValueError, TypeError):
        return None, modified


def _place() -> str:
    """The machine and, in a container, its own numbering of processes."""
    namespace = "/proc/self/ns/pid"
    return f"{socket.gethostname()} {os.readlink(namespace) if os.path.exists(namespace) else sys.platform}"
