"""Download one file: resumed, retried, from several addresses in order; `.part` until it is verified."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import check_space, held
from acnet.progress import Progress

_MEGABYTE = 10**6
_TRANSIENT = (408, 416, 425, 429, 500, 502, 503, 504)
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

    An earlier attempt's `.part` is resumed where the server allows it and `verify` knows a checksum (`checked`).
    `verify` raises WrongBytes for a wrong file; then it is fetched once more from its start, and after that from the
    next address. `session` is a requests.Session that is logged in. Raises AcnetError with the failure of each address.
    """
    import requests

    target.parent.mkdir(parents=True, exist_ok=True)
    part, lock = target.with_name(f"{target.name}.part"), target.with_name(f".{target.name}.lock")
    failures = []
    with held(lock, f"{part}: another process is downloading it; wait for that one"), contextlib.ExitStack() as stack:
        stack.callback(lock.unlink, missing_ok=True)
        session = session or stack.enter_context(requests.Session())
        for url in urls:
            try:
                facts = _fetch(session, url, part, checked, verify)
                with open(part, "rb") as handle:
                    os.fsync(handle.fileno())
                os.replace(part, target)
                return facts
            except _Unusable as failure:
                failures.append(f"{url}: {failure}")
    raise AcnetError(f"{target.name}: cannot be downloaded ({'; '.join(failures)}); put the file at {target} yourself")


def _fetch(session: Any, url: str, part: Path, checked: bool, verify: Callable[[Path], Any]) -> Any:
    """Complete `part` from one address and verify it; where an earlier part was resumed, once more from the start."""
    part.touch()
    resumed = again = False
    failed = 0
    while True:
        before = part.stat().st_size
        resumed |= checked and before > 0
        try:
            _request(session, url, part, checked)
            return verify(part)
        except _TryAgain as failure:
            failed = 1 if part.stat().st_size - before > _MEGABYTE else failed + 1
            if failed >= TRIES:
                raise _Unusable(f"{failure}, {failed} times in a row") from failure
            time.sleep(min(LONGEST_WAIT, WAIT * 2 ** (failed - 1)))
        except WrongBytes as error:
            os.truncate(part, 0)
            if again or not resumed:
                reason = str(error).replace(str(part), "the file").rsplit(";", 1)[0]
                raise _Unusable(f"wrong bytes, {reason}") from error
            again = True


def _request(session: Any, url: str, part: Path, checked: bool) -> None:
    """One request: append to `part` what is missing, or start again where that cannot be resumed."""
    import requests
    import urllib3

    have = part.stat().st_size if checked else 0
    headers = {"Accept-Encoding": "identity"}  # a compressed transfer has other offsets
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{have}":
                return  # it was complete already
            if response.status_code == 416:
                os.truncate(part, 0)
            if response.status_code in _TRANSIENT:
                raise _TryAgain(f"answered {response.status_code}")
            if response.status_code not in (200, 206):
                account = " (an account is needed?)" if response.status_code in (401, 403) else ""
                raise _Unusable(f"answered {response.status_code}{account}")
            have = have if response.status_code == 206 else 0  # 200: the whole file, whatever was asked for
            os.truncate(part, have)
            rest = int(response.headers.get("Content-Length", 0))  # 0: not known
            check_space(part.parent, rest, part.stem)
            _receive(response, part, have, rest)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        timed_out = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
        raise _TryAgain("no answer in time" if timed_out else "the connection broke") from error
    if rest and part.stat().st_size != have + rest:
        raise _TryAgain(f"ended after {part.stat().st_size} of {have + rest} bytes")


def _receive(response: Any, part: Path, have: int, rest: int) -> None:
    total = (have + rest) // _MEGABYTE if rest else 0
    progress = Progress(f"download {part.stem}", total, "MB", have // _MEGABYTE)
    with open(part, "ab") as handle:
        for block in response.iter_content(1 << 16):
            have += handle.write(block)
            progress.advance(have // _MEGABYTE - progress.done)
    progress.finish()
