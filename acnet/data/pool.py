"""Work spread over processes that end when this one does, however it ends."""

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from acnet.errors import AcnetError

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


class Pool:
    """`count` processes that decode images; with one, the work is done in this process."""

    def __init__(self, count: int):
        # A copy of this process, which has threads, may hang; a fork server has a socket in $TMPDIR, whose path
        # must be shorter than many a cluster's. The processes start with the first job.
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(count, context, _start) if count > 1 else None
        if not self._executor:
            _keep_memory()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)

    def run(self, work: Callable, jobs: Iterable[tuple]) -> Iterator[Any]:
        """The results of work(*job), in the order in which they are done; the first exception ends it."""
        if not self._executor:
            yield from (work(*job) for job in jobs)
            return
        try:
            for future in as_completed([self._executor.submit(work, *job) for job in jobs]):
                yield future.result()
        except BrokenProcessPool as error:
            remedy = "run again with fewer --threads"
            raise AcnetError(f"a decoding process was killed (out of memory?); {remedy}") from error


def _start() -> None:
    def end_with_parent() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)  # the result is of no use

    _keep_memory()
    for number in (signal.SIGINT, signal.SIGHUP):  # of the terminal: for the parent, which then ends these
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def _keep_memory() -> None:
    """Keep freed memory for the next image: returned to the system each time, it costs a page fault per page."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of the GNU C library
    if mallopt:
        mallopt(_TRIM_THRESHOLD, 1 << 28)
        mallopt(_MMAP_THRESHOLD, 1 << 25)
