"""A wish to stop, taken from signals and answered between two steps."""

import signal
from types import FrameType


class StopRequest:
    """While in the `with` block, SIGINT, SIGTERM, SIGUSR1 and SIGHUP set `signal` instead of ending the process.

    A SIGHUP that is ignored, as under nohup, stays so.
    """

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "StopRequest":
        ignored = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else []
        self._former = {number: signal.signal(number, self._note) for number in self.signals if number not in ignored}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = number
