"""Download one file: resumed, retried, from mirrors in order; `.part` until it is verified."""

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.fetch.checksums import WrongBytes
from acnet.fetch.space import check_space
from acnet.files import held
from acnet.progress import Progress

_BLOCK = 1 << 16
_MEGABYTE = 10**6
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 60.0


@dataclasses.dataclass(frozen=True)
class Patience:
    """`tries` failures in a row end a mirror; `wait` seconds, doubled each time, lie between; `stall` ends silence."""

    tries: int = 6
    wait: float = 1.0
    stall: float = 30.0


USUAL = Patience()


@dataclasses.dataclass(frozen=True)
class _How:
    size: int | None
    checked: bool
    patience: Patience


class _MirrorFailed(Exception):
    """This mirror is of no use."""


class _TryAgain(Exception):
    """The connection failed; `after` is what the server asked to wait, in seconds."""

    def __init__(self, reason: str, after: float | None = None):
        super().__init__(reason)
        self.after = after


def download(
    urls: Sequence[str],
    target: Path,
    verify: Callable[[Path], Any],
    *,
    size: int | None = None,
    checked: bool = True,
    patience: Patience = USUAL,
    session: Any = None,
) -> Any:
    """Fetch `target` from the first of `urls` that gives the right bytes; returns what `verify(part)` returns.

    An earlier attempt's `.part` is continued where the server allows it. `verify` raises WrongBytes for a wrong file;
    then it is fetched once more from its start, and after that from the next mirror. `size` is the expected number
    of bytes, if known; `checked` says that `verify` knows a checksum: without one, only a part that the server can tell
    is its own is continued. `session` is a requests.Session that is logged in. Raises AcnetError with each mirror's
    failure.
    """
    import requests

    target.parent.mkdir(parents=True, exist_ok=True)
    failures, how = [], _How(size, checked, patience)
    with _locked(target) as part, contextlib.ExitStack() as stack:
        session = session or stack.enter_context(requests.Session())
        for url in urls:
            try:
                return _from_mirror(session, url, part, target, verify, how)
            except _MirrorFailed as failure:
                failures.append(f"{url}: {failure}")
    raise AcnetError(f"{target.name}: cannot be downloaded ({'; '.join(failures)}); put the file at {target} yourself")


def _from_mirror(session: Any, url: str, part: Path, target: Path, verify: Callable[[Path], Any], how: _How) -> Any:
    fresh = not part.exists() or part.stat().st_size == 0
    while True:
        _complete(session, url, part, target, how)
        try:
            result = verify(part)
        except WrongBytes as error:
            _discard(part)
            if fresh:
                reason = str(error).replace(str(part), "the file").rsplit(";", 1)[0]
                raise _MirrorFailed(f"wrong bytes, {reason}") from error
            fresh = True  # what was there before may have been another file's beginning
            continue
        with open(part, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(part, target)
        _mark(part).unlink(missing_ok=True)
        return result


def _complete(session: Any, url: str, part: Path, target: Path, how: _How) -> None:
    """Bring `part` to its full length, trying again while that helps."""
    failed = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _transfer(session, url, part, target, how)
            return
        except _TryAgain as trouble:
            gained = (part.stat().st_size if part.exists() else 0) - before
            failed = 1 if gained > _MEGABYTE else failed + 1
            if failed >= how.patience.tries:
                raise _MirrorFailed(f"{trouble}, {failed} times in a row") from trouble
            time.sleep(min(_LONGEST_WAIT, max(trouble.after or 0.0, how.patience.wait * 2 ** (failed - 1))))


def _transfer(session: Any, url: str, part: Path, target: Path, how: _How) -> None:
    """One request: append to `part` what it lacks, or begin it anew if the server cannot continue."""
    import requests
    import urllib3

    have = part.stat().st_size if part.exists() else 0
    mark = _read_mark(part)
    if mark.get("url") != url or not (how.checked or mark.get("tag")):
        have = 0  # the beginning of another file, or one that nothing would tell from another
    headers = {"Accept-Encoding": "identity"}  # a compressed transfer has other offsets
    if have:
        headers["Range"] = f"bytes={have}-"
        if mark.get("tag"):
            headers["If-Range"] = mark["tag"]
    try:
        with session.get(url, headers=headers, stream=True, timeout=how.patience.stall) as response:
            if response.status_code == 416:
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return  # it was complete already
                _discard(part)
                raise _TryAgain("nothing to continue")
            total, have = _accept(response, have)
            if how.size is not None and total is not None and total != how.size:
                raise _MirrorFailed(f"offers {total} bytes instead of {how.size}")
            check_space(part.parent, (total or how.size or have) - have, target.name)
            if not have:
                _discard(part)  # before the mark of what follows
            _write_mark(part, url, response.headers)
            _receive(response.iter_content(_BLOCK), part, target.name, have, total)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _TryAgain(_reason(error)) from error
    if total is not None and part.stat().st_size != total:
        raise _TryAgain(f"ended after {part.stat().st_size} of {total} bytes")


def _accept(response: Any, have: int) -> tuple[int | None, int]:
    """(the file's length if known, the bytes of `part` to keep) from a response's head."""
    status = response.status_code
    if status in _TRANSIENT:
        raise _TryAgain(f"answered {status}", _seconds(response.headers.get("Retry-After")))
    if status not in (200, 206):
        hint = " (an account is needed?)" if status in (401, 403) else ""
        raise _MirrorFailed(f"answered {status}{hint}")
    length = _number(response.headers.get("Content-Length"))
    if status == 200:  # the whole file, whatever was asked for
        return length, 0
    span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if _number(span.partition("-")[0]) != have:
        raise _MirrorFailed(f"continues at the wrong place ({span or 'unnamed'} instead of {have})")
    return _number(total) or (None if length is None else have + length), have


def _receive(blocks: Iterator[bytes], part: Path, name: str, have: int, total: int | None) -> None:
    progress = Progress(f"download {name}", (total or 0) // _MEGABYTE, "MB", have // _MEGABYTE)
    with open(part, "ab") as handle:
        for block in blocks:
            handle.write(block)
            have += len(block)
            progress.advance(have // _MEGABYTE - progress.done)
    progress.finish()


def _mark(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_mark(part: Path) -> Mapping[str, Any]:
    try:
        return json.loads(_mark(part).read_text())
    except (OSError, ValueError):
        return {}


def _write_mark(part: Path, url: str, headers: Mapping[str, str]) -> None:
    tag = headers.get("ETag", "")
    tag = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
    _mark(part).write_text(json.dumps({"url": url, "tag": tag}))


def _discard(part: Path) -> None:
    with open(part, "wb"):
        pass
    _mark(part).unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[Path]:
    """The `.part` beside `target`, for this process alone."""
    part = target.with_name(target.name + ".part")
    lock = target.with_name(f".{target.name}.lock")
    with held(lock, f"{part}: another process is downloading it; wait for that one"):
        yield part
        lock.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ReadTimeout):
        return "no answer"
    if "timed out" in str(error).lower():
        return "stalled"
    return "the connection broke" if isinstance(error, requests.ConnectionError | OSError) else str(error)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
