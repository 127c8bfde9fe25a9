"""Requests to stop a training: signals, and the time limit of its job."""

import os
import signal
import time
from types import FrameType

from acnet.errors import AcnetError

_MARGIN = 30.0  # seconds, at most a tenth of the limit


class Signals:
    """While in the `with` block, SIGINT, SIGTERM, SIGUSR1 and SIGHUP set `caught` instead of ending the process.

    A SIGHUP that is ignored, as under nohup, stays so.
    """

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)

    def __init__(self) -> None:
        self.caught: int | None = None

    def __enter__(self) -> "Signals":
        ignored = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else []
        self._former = {number: signal.signal(number, self._catch) for number in self.numbers if number not in ignored}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _catch(self, number: int, _: FrameType | None) -> None:
        self.caught = number


class TimeLimit:
    """`minutes` from now (None: those in ACNET_TIME_LIMIT), or Slurm's end of the job, whichever comes first.

    An end in the past is that of an earlier job in the same shell, and ignored.
    """

    def __init__(self, minutes: float | None = None):
        now = time.time()
        if minutes is None:
            minutes = _number("ACNET_TIME_LIMIT", "a number of minutes")
        ends = [now + 60 * minutes] if minutes is not None else []
        if (end := _number("SLURM_JOB_END_TIME", "a time in seconds")) and end > now:
            ends.append(end)
        self._end = min(ends) - min(_MARGIN, 0.1 * (min(ends) - now)) if ends else None

    def reached(self, pause: float) -> bool:
        """Whether fewer than two times `pause` seconds, those of a step and a save, are left."""
        return self._end is not None and time.time() + 2 * pause >= self._end


def _number(variable: str, what: str) -> float | None:
    """The number in an environment variable; None if it is not set or empty."""
    text = os.environ.get(variable)
    try:
        return float(text) if text else None
    except ValueError as error:
        raise AcnetError(f"{variable}: '{text}' is not {what}") from error
