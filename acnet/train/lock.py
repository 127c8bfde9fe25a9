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
from typing import Any

from acnet.errors import AcnetError

FILE = "lock.json"
BEAT = 5.0  # seconds between signs of life
STALE = 60.0  # seconds without one after which a holder elsewhere counts as dead


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lock: `place` tells machines and containers apart, `born` a process from a later one of its id."""

    host: str
    place: str
    pid: int
    born: str
    token: str
    job: str = ""
    group: str = ""

    def __str__(self) -> str:
        job = f", job {self.job}" if self.job else ""
        return f"process {self.pid} on {self.host}{job}"


class RunLock:
    """The right to train in a resume folder.

    `acquire` waits while another trainer lives, on this machine or another, and takes over when it ends or dies.
    `check` raises AcnetError once somebody else has taken over (this process was asleep for too long).
    """

    def __init__(self, folder: Path, group: str = "", beat: float = BEAT, stale: float = STALE):
        self._file = folder / FILE
        self._beat, self._stale = beat, stale
        self._me = this_process(group)
        self._ended = threading.Event()
        self._lost = False

    def acquire(self, waiting: Callable[[Holder], None], every: float = 1.0) -> bool:
        """Take the lock; `waiting` is called with its holder every `every` seconds. True if it had to wait."""
        waited = False
        seen: tuple[Any, float] = (None, 0.0)
        while not self._create():
            holder, mark = read_holder(self._file), _mark(self._file)
            if mark is None:
                continue  # released between the two looks
            if mark != seen[0]:
                seen = (mark, time.monotonic())
            # Times are compared on this machine's clock only: another's may differ.
            if (holder and dead_here(holder)) or time.monotonic() - seen[1] > self._stale:
                self._evict(holder)
                continue
            waited = True
            if holder:
                waiting(holder)
            time.sleep(every)
        threading.Thread(target=self._keep_beating, daemon=True).start()
        return waited

    def check(self) -> None:
        """AcnetError if this process no longer holds the lock."""
        if self._lost:
            raise AcnetError(f"{self._file}: another trainer has taken this run over; this one stops")

    def release(self) -> None:
        """Let the next one in; the folder goes too if nothing else is in it."""
        self._ended.set()
        held = read_holder(self._file)
        if held is not None and held.token == self._me.token:
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
                handle.write(json.dumps(dataclasses.asdict(self._me)))
        except OSError:
            self._file.unlink(missing_ok=True)
            raise
        return True

    def _evict(self, dead: Holder | None) -> None:
        """Move a dead holder's file out of the way, unless another waiter did so first and holds the lock by now.

        One waiter at a time: two could each find the same holder dead, and the slower one would then, for a moment,
        move the faster one's file.
        """
        guard, moved = (self._file.with_name(f"{FILE}.{name}") for name in ("evicting", self._me.token))
        try:
            os.close(os.open(guard, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            # Held for milliseconds, if its maker lives.
            if (made := _mark(guard)) is not None and time.time() - made > 2 * self._stale:
                guard.unlink(missing_ok=True)
            time.sleep(0.01)
            return
        except FileNotFoundError:  # the folder has gone with the lock
            return
        try:
            if read_holder(self._file) != dead:
                return
            with contextlib.suppress(FileNotFoundError):
                os.rename(self._file, moved)
                if read_holder(moved) != dead:  # released and taken between the two looks
                    with contextlib.suppress(FileExistsError):
                        os.link(moved, self._file)
                moved.unlink()
        finally:
            guard.unlink(missing_ok=True)

    def _keep_beating(self) -> None:
        while not self._ended.wait(self._beat):
            held = read_holder(self._file)
            if held is None or held.token != self._me.token:
                self._lost = not self._ended.is_set()
                return
            with contextlib.suppress(OSError):
                os.utime(self._file)


def this_process(group: str = "") -> Holder:
    """This process as a holder, told from every other one."""
    me, job = os.getpid(), os.environ.get("SLURM_JOB_ID", "")
    return Holder(socket.gethostname(), _place(), me, _born(me), uuid.uuid4().hex, job, group)


def live_holder(folder: Path) -> Holder | None:
    """Who trains in this resume folder now, as far as one look can tell."""
    holder, mark = read_holder(folder / FILE), _mark(folder / FILE)
    if holder is None or mark is None or dead_here(holder):
        return None
    # Twice as long as a waiter watches, since clocks of machines differ.
    return holder if holder.place == _place() or time.time() - mark < 2 * STALE else None


def read_holder(file: Path) -> Holder | None:
    """Whom a lock file names; None for one that is gone, or whose writer was killed before it had written."""
    try:
        return Holder(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _mark(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def dead_here(holder: Holder) -> bool:
    """Whether the holder ran on this machine and does no longer."""
    if holder.place != _place():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return holder.born != _born(holder.pid)


def _place() -> str:
    """The machine and, in a container, its own numbering of processes."""
    namespace = "/proc/self/ns/pid"
    return f"{socket.gethostname()} {os.readlink(namespace) if os.path.exists(namespace) else sys.platform}"


def _born(pid: int) -> str:
    """When a process started, in the kernel's own count; empty where there is no /proc, and for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
