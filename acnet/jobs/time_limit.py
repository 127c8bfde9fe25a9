"""When a training has to stop because its job ends."""

import os
import sys
import time

from acnet.errors import AcnetError

_MARGIN = 30.0  # seconds, at most a tenth of the limit


class TimeLimit:
    """`minutes` from now (None: what ACNET_TIME_LIMIT says), or Slurm's end of the job, whichever comes first.

    An end that is over already is an earlier job's, left over in a shell or tmux: it is ignored, and that is said.
    """

    def __init__(self, minutes: float | None = None):
        now = time.time()
        ends = []
        if minutes is None:
            minutes = _number("ACNET_TIME_LIMIT", "a number of minutes")
        if minutes is not None:
            ends.append(now + 60 * minutes)
        if (end := _number("SLURM_JOB_END_TIME", "a time in seconds")) is not None:
            if end > now:
                ends.append(end)
            else:
                print(f"SLURM_JOB_END_TIME={end:.0f} is over, an earlier job's: ignored", file=sys.stderr)
        self._end = min(ends) - min(_MARGIN, 0.1 * (min(ends) - now)) if ends else None

    def reached(self, pause: float) -> bool:
        """Whether there may be no time for another `pause` seconds (a step and a save) and as much again."""
        return self._end is not None and time.time() + 2 * pause >= self._end


def _number(variable: str, what: str) -> float | None:
    """The number in an environment variable; None if it is not set or empty."""
    text = os.environ.get(variable)
    try:
        return float(text) if text else None
    except ValueError as error:
        raise AcnetError(f"{variable}: '{text}' is not {what}") from error
