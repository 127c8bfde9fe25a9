"""Signals that ask a training to stop, answered between two steps."""

import signal
from types import FrameType


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
