"""A wish to stop, taken from signals and answered between two steps."""

import signal
from types import FrameType


class StopRequest:
    """While in the `with` block, SIGINT, SIGTERM and SIGUSR1 set `signal` instead of ending the process."""

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "StopRequest":
        self._former = {number: signal.signal(number, self._note) for number in self.signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = number
