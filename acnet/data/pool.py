"""Work spread over processes that end when this one does, however it ends."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any

from acnet.errors import AcnetError

_AHEAD = 3  # jobs in hand for each process
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


class Pool:
    """`count` processes, each of which calls `begin` first; with one, the work is done right here."""

    def __init__(self, count: int, begin: Callable[[], None] | None = None):
        self._count, self._begin = count, begin
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)

    def run(self, work: Callable, jobs: Iterable[tuple]) -> Iterator[Any]:
        """The results of work(*job), in the order in which they are done; the first exception ends it."""
        if self._count == 1:
            for job in jobs:
                yield work(*job)
            return
        jobs = iter(jobs)
        pending = set()
        try:
            while True:
                pending |= {self._submit(work, job) for job in islice(jobs, _AHEAD * self._count - len(pending))}
                if not pending:
                    return
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BrokenProcessPool as error:
            raise AcnetError(
                "a decoding process was killed (out of memory?); run again with fewer --threads"
            ) from error
        finally:
            for future in pending:
                future.cancel()

    def _submit(self, work: Callable, job: tuple) -> Any:
        if self._executor is None:  # starting processes takes a moment, and all may be done already
            # A copy of this process, which has threads, may hang; a fork server has a socket in $TMPDIR, whose path
            # must be shorter than many a cluster's.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._count, context, _start, (self._begin,))
        return self._executor.submit(work, *job)


def keep_memory() -> None:
    """Let this process keep the memory of one image for the next; returned each time, it costs a page fault a page."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt  # of the GNU C library
    except (OSError, AttributeError):
        return
    mallopt(_TRIM_THRESHOLD, 1 << 28)
    mallopt(_MMAP_THRESHOLD, 1 << 25)


def _start(begin: Callable[[], None] | None) -> None:
    if begin:
        begin()
    _end_with_parent()


def _end_with_parent() -> None:
    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)  # nobody wants the result

    for number in (signal.SIGINT, signal.SIGHUP):  # of the terminal: for the parent, which then ends these
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
