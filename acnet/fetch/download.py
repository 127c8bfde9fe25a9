"""Download one file: resumed, retried, from several addresses in order; `.part` until it is verified."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import check_space, held
from acnet.progress import Progress

_BLOCK = 1 << 16
_MEGABYTE = 10**6
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
TRIES = 6  # failures in a row, after which the next address is tried
WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before the first retry, twice as many before each later one, and at most
TIMEOUT = 30.0  # seconds without data


class WrongBytes(AcnetError):
    """A file is not what it should be."""


class _Unusable(Exception):
    """This address will not give the file."""


class _TryAgain(Exception):
    """The transfer failed for now."""


def download(
    urls: Sequence[str], target: Path, verify: Callable[[Path], Any], checked: bool = True, session: Any = None
) -> Any:
    """Fetch `target` from the first of `urls` that gives the right bytes; returns what `verify(part)` returns.

    An earlier attempt's `.part` is resumed where the server allows it. `verify` raises WrongBytes for a wrong file;
    then it is fetched once more from its start, and after that from the next address. `checked` says that
    `verify` knows a checksum: without one only a transfer of this call is resumed, if the server tells versions of the
    file apart. `session` is a requests.Session that is logged in. Raises AcnetError with the failure of each address.
    """
    import requests

    target.parent.mkdir(parents=True, exist_ok=True)
    part, lock = target.with_name(f"{target.name}.part"), target.with_name(f".{target.name}.lock")
    failures = []
    with held(lock, f"{part}: another process is downloading it; wait for that one"), contextlib.ExitStack() as stack:
        stack.callback(lock.unlink, missing_ok=True)
        session = session or stack.enter_context(requests.Session())
        for url in urls:
            transfer = _Transfer(session, url, part, target.name, checked)
            try:
                facts = transfer.run(verify)
                with open(part, "rb") as handle:
                    os.fsync(handle.fileno())
                os.replace(part, target)
                return facts
            except _Unusable as failure:
                failures.append(f"{url}: {failure}")
    raise AcnetError(f"{target.name}: cannot be downloaded ({'; '.join(failures)}); put the file at {target} yourself")


@dataclasses.dataclass
class _Transfer:
    """The download of one address to `part`."""

    session: Any
    url: str
    part: Path
    name: str
    checked: bool
    tag: str | None = None  # by which the server knows the version that `part` is the beginning of

    def run(self, verify: Callable[[Path], Any]) -> Any:
        """Fetch and verify; where an earlier beginning was resumed, once more from the start."""
        resumed = self._have() > 0
        while True:
            self._complete()
            try:
                return verify(self.part)
            except WrongBytes as error:
                self._discard()
                if not resumed:
                    reason = str(error).replace(str(self.part), "the file").rsplit(";", 1)[0]
                    raise _Unusable(f"wrong bytes, {reason}") from error
                resumed = False

    def _complete(self) -> None:
        """Bring `part` to its full length, retrying while there is hope."""
        failed = 0
        while True:
            before = self._have()
            try:
                return self._request()
            except _TryAgain as failure:
                failed = 1 if self._have() - before > _MEGABYTE else failed + 1
                if failed >= TRIES:
                    raise _Unusable(f"{failure}, {failed} times in a row") from failure
                time.sleep(min(LONGEST_WAIT, WAIT * 2 ** (failed - 1)))

    def _request(self) -> None:
        """One request: append to `part` what is missing, or start again if the server cannot resume."""
        import requests
        import urllib3

        have = self._have() if self.checked or self.tag else 0
        headers = {"Accept-Encoding": "identity"}  # a compressed transfer has other offsets
        if have:
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": self.tag} if self.tag else {})
        try:
            with self.session.get(self.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
                if response.status_code == 416:
                    if response.headers.get("Content-Range") == f"bytes */{have}":
                        return  # it was complete already
                    self._discard()
                    raise _TryAgain("nothing to resume")
                total, have = _accept(response, have)
                check_space(self.part.parent, (total or have) - have, self.name)
                if not have:
                    self._discard()
                tag = response.headers.get("ETag", "W/")
                self.tag = response.headers.get("Last-Modified") if tag.startswith("W/") else tag
                self._receive(response, have, total)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            timed_out = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
            raise _TryAgain("no answer in time" if timed_out else "the connection broke") from error
        if total is not None and self._have() != total:
            raise _TryAgain(f"ended after {self._have()} of {total} bytes")

    def _receive(self, response: Any, have: int, total: int | None) -> None:
        progress = Progress(f"download {self.name}", (total or 0) // _MEGABYTE, "MB", have // _MEGABYTE)
        with open(self.part, "ab") as handle:
            for block in response.iter_content(_BLOCK):
                have += handle.write(block)
                progress.advance(have // _MEGABYTE - progress.done)
        progress.finish()

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _discard(self) -> None:
        self.part.write_bytes(b"")
        self.tag = None


def _accept(response: Any, have: int) -> tuple[int | None, int]:
    """(the file's length if known, the bytes of `part` to keep) from a response's head."""
    status, headers = response.status_code, response.headers
    if status in _TRANSIENT:
        raise _TryAgain(f"answered {status}")
    if status not in (200, 206):
        raise _Unusable(f"answered {status}{' (an account is needed?)' if status in (401, 403) else ''}")
    length = _number(headers.get("Content-Length"))
    if status == 200:  # the whole file, whatever was asked for
        return length, 0
    span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if _number(span.partition("-")[0]) != have:
        raise _Unusable(f"resumes at the wrong place ({span or 'unnamed'} instead of {have})")
    return _number(total) or (None if length is None else have + length), have


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
