"""When a training has to stop because its job ends."""

import os
import time

from acnet.errors import AcnetError

_MARGIN = 30.0  # seconds, at most a tenth of the limit


class Deadline:
    """`minutes` from now (None: what ACNET_TIME_LIMIT says), or Slurm's end of the job, whichever comes first."""

    def __init__(self, minutes: float | None = None):
        now = time.time()
        ends = []
        if minutes is None and (text := os.environ.get("ACNET_TIME_LIMIT")):
            minutes = _number(text)
        if minutes is not None:
            ends.append(now + 60 * minutes)
        if text := os.environ.get("SLURM_JOB_END_TIME"):
            ends.append(_number(text))
        self._end = min(ends) - min(_MARGIN, 0.1 * (min(ends) - now)) if ends else None

    def reached(self, pause: float) -> bool:
        """Whether there may be no time for another `pause` seconds (a step and a save) and as much again."""
        return self._end is not None and time.time() + 2 * pause >= self._end


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise AcnetError(f"ACNET_TIME_LIMIT: '{text}' is not a number of minutes") from error
