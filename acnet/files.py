"""Files that are whole or absent: written beside their place, then renamed."""

import contextlib
import errno
import functools
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import yaml

from acnet.errors import AcnetError
from acnet.progress import size

_FULL = {
    errno.ENOSPC: "no space left; free some and run the same command again",
    errno.EDQUOT: "the quota is used up; free some space and run the same command again",
    errno.EFBIG: "a file would grow larger than allowed here; see `ulimit -f` and run the same command again",
}
_SPARE = 100 * 10**6  # bytes left free for everything else
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # from file systems without locks


def no_room(error: OSError, where: object) -> AcnetError | None:
    """The line for an `error` that means that nothing more fits at `where`; None for any other error."""
    return AcnetError(f"{where}: {_FULL[error.errno]}") if error.errno in _FULL else None


def check_space(folder: Path, needed: int, what: str) -> None:
    """AcnetError if `needed` bytes do not fit on the disk of `folder` (or of its nearest parent that exists)."""
    place = folder.absolute()
    free = shutil.disk_usage(next(path for path in (place, *place.parents) if path.exists())).free
    if needed > 0 and needed + _SPARE > free:
        raise AcnetError(
            f"{folder}: {what} needs {size(needed)} and {size(_SPARE)} to spare, {size(free)} are free; "
            "free some and run the same command again"
        )


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place if the block succeeds.

    The file is flushed to disk before the rename. On any error the temporary file is removed and
    `path` is left as it was. A full disk is an AcnetError that names the folder.
    """
    path = Path(path)
    if path.is_dir():
        raise AcnetError(f"{path}: is a folder; name a file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise no_room(error, path.parent) or error from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write `value` as JSON; keys keep their order, which for classes is that of the train ids."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike, *keys: str) -> Any:
    """The value in a JSON file; AcnetError if it is missing or broken, or lacks one of `keys`."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: not found") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise AcnetError(f"{path}: not valid JSON ({error}); move it away and run again") from error
    if lacking := [key for key in keys if not isinstance(value, dict) or key not in value]:
        raise AcnetError(f"{path}: lacks {', '.join(lacking)}; move it away and run again")
    return value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Safe YAML that refuses a key written twice, and numbers such as 010 and 1:30, in YAML 1.1 8 and 90."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    seen = set()
    for key_node, _ in node.value:
        key = (key_node.tag, str(key_node.value))
        if key in seen:
            line = key_node.start_mark.line + 1
            raise AcnetError(f"{key_node.start_mark.name}: line {line}: key '{key_node.value}' is written twice")
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    where = f"{node.start_mark.name}: line {node.start_mark.line + 1}"
    if re.match(r"[-+]?0\d", node.value):
        raise AcnetError(f"{where}: {node.value} is octal; write a number without leading 0, a text in quotes")
    if ":" in node.value:
        raise AcnetError(
            f"{where}: {node.value} is a number to the base 60; write minutes as one number, a text in quotes"
        )
    return yaml.SafeLoader.construct_yaml_int(loader, node)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def read_yaml(path: str | os.PathLike) -> Any:
    """The value in a YAML file (safe tags only); AcnetError if it is missing or broken."""
    try:
        with open(path, encoding="utf-8") as handle:
            return yaml.load(handle, Loader=_Loader)  # a SafeLoader
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: not found") from error
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise AcnetError(f"{path}: not a text file in UTF-8; save it as one") from error
    except (yaml.YAMLError, ValueError) as error:  # the latter for a date that is none
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}:" if where else ""
        raise AcnetError(f"{path}:{line} not valid YAML ({getattr(error, 'problem', error)})") from error


# What systems leave in a folder that a person fills: macOS, Windows, Synology, a disk's root.
_LEFT_BEHIND = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "lost+found"}


def visible(folder: Path) -> list[Path]:
    """The entries of `folder`, sorted, without hidden ones (.DS_Store, ._*) and what systems leave there."""
    return sorted(path for path in folder.iterdir() if _is_visible(path.name))


def visible_below(folder: Path) -> Iterator[Path]:
    """The files of `folder` and its folders, links followed, with the same exceptions as `visible`.

    A link to a folder that it lies in is skipped. AcnetError for a folder that cannot be read.
    """
    top = Path(os.path.realpath(folder))
    above = {os.fspath(folder): {str(top), *map(str, top.parents)}}
    for place, folders, names in os.walk(folder, followlinks=True, onerror=_unreadable):
        around = above.pop(place)
        real = {name: os.path.realpath(os.path.join(place, name)) for name in folders if _is_visible(name)}
        folders[:] = [name for name in real if real[name] not in around]
        above |= {os.path.join(place, name): around | {real[name]} for name in folders}
        yield from (Path(place, name) for name in filter(_is_visible, names))


def _unreadable(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return
    raise AcnetError(f"{error.filename}: the folder cannot be read ({error.strerror})") from error


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _LEFT_BEHIND


def canonical(value: Mapping | list) -> str:
    """A text that is equal exactly when two plain values are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Mapping | list) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a plain value."""
    return hashlib.sha256(canonical(value).encode(errors="surrogateescape")).hexdigest()[:16]


def sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file, read in blocks."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextlib.contextmanager
def held(lock: Path, taken: str, wait: bool = False) -> Iterator[None]:
    """Hold the file `lock` for this process alone; AcnetError saying `taken` if another process holds it.

    With `wait`, say `taken` on standard error and wait instead. A network file system without locks holds nobody back;
    that is said once for a folder.
    """
    try:
        if (handle := flock(lock)) is None:
            if not wait:
                raise AcnetError(taken)
            print(f"acnet: {taken}", file=sys.stderr, flush=True)
            handle = flock(lock, wait=True)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _say_unlocked(lock.parent, os.strerror(error.errno).lower())
        handle = contextlib.nullcontext()
    with handle:
        yield


def flock(file: Path, *, shared: bool = False, wait: bool = False) -> TextIO | None:
    """`file`, open and locked until it is closed or this process ends; None if another holds it and not `wait`.

    OSError from a file system without locks.
    """
    import fcntl

    handle = open(file, "a+", encoding="utf-8")  # noqa: SIM115 - closed by the caller
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        handle.close()
        if isinstance(error, BlockingIOError):
            return None
        raise
    return handle


@functools.cache
def _say_unlocked(folder: Path, reason: str) -> None:
    remedy = "nothing holds back a second process, so run one such command there at a time"
    print(f"acnet: {folder}: its file system cannot lock files ({reason}); {remedy}", file=sys.stderr, flush=True)
