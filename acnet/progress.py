"""One line of progress with rate and time left, readable on a terminal and by `tail -f`."""

import contextlib
import sys
import time

_CLEAR = "\x1b[K"  # what a longer line before left on the terminal


def duration(seconds: float) -> str:
    """`seconds` as a short text: 42 s, 3 min 05 s, 2 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def size(count: int) -> str:
    """`count` bytes as a short text: 512 B, 3.4 kB, 21.7 MB, 1.2 GB."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"


def some(names: list[str]) -> str:
    """The first three of `names`, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")


def operations(count: float) -> str:
    """`count` floating-point operations as a short text: 14.1 TFLOP, 302 PFLOP, 22.5 EFLOP."""
    for unit, name in ((1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1e9:.3g} GFLOP"


class Progress:
    """Count `total` things of a named `unit`, from `start` on, printing to stderr.

    On a terminal the line rewrites itself; elsewhere a new line is written every `every` seconds, so that a
    log file stays short.
    """

    def __init__(self, label: str, total: int, unit: str, start: int = 0, every: float = 10.0):
        self.label, self.total, self.unit, self.start = label, total, unit, start
        self.done = start
        self._live = sys.stderr.isatty()
        self._every = 0.2 if self._live else every
        self._began = time.monotonic()
        self._printed = self._began

    def advance(self, count: int = 1, note: str = "") -> None:
        """Add `count`; print if enough time has passed. `note` stands at the line's end."""
        self.done += count
        now = time.monotonic()
        if now - self._printed >= self._every or (self._live and self.done >= self.total):
            self._printed = now
            self._print(note, "\r" if self._live else "", "" if self._live else "\n")

    def finish(self, note: str = "") -> None:
        """Print the last line."""
        self._print(note, "\r" if self._live else "", "\n")

    @property
    def speed(self) -> float:
        """Things per second so far."""
        passed = time.monotonic() - self._began
        return (self.done - self.start) / passed if passed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this speed; None before the first."""
        return (self.total - self.done) / self.speed if self.speed > 0 else None

    def _print(self, note: str, before: str, after: str) -> None:
        rate = self.speed
        left = f", {duration(self.seconds_left)} left" if rate > 0 and self.done < self.total else ""
        count = f"{self.done}/{self.total}" if self.total else self.done  # a download of unknown length
        speed = f", {rate:.1f}/s" if rate >= 0.1 else f", {duration(1 / rate)} each" if rate else ""
        text = f"{self.label}: {count} {self.unit}{speed}{left}"
        line = f"{text}, {note}" if note else text
        with contextlib.suppress(OSError):  # a full disk or a closed pipe must not end hours of work
            sys.stderr.write(f"{before}{line}{_CLEAR if self._live else ''}{after}")
            sys.stderr.flush()
