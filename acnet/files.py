"""Files that are whole or absent: written beside their place, then renamed."""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from acnet.errors import AcnetError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it into place if the block succeeds.

    The file is flushed to disk before the rename. On any error the temporary file is removed and
    `path` is left as it was. A full disk is an AcnetError that names the folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise AcnetError(f"{path.parent}: no space left; free some and run the same command again") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write `value` as JSON; keys keep their order, which for classes is that of the train ids."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike) -> Any:
    """The value in a JSON file; AcnetError if it is missing or broken."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: not there") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise AcnetError(f"{path}: not valid JSON ({error}); delete it and run again") from error


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Safe YAML that refuses a key written twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    seen = set()
    for key_node, _ in node.value:
        key = (key_node.tag, str(key_node.value))
        if key in seen:
            line = key_node.start_mark.line + 1
            raise AcnetError(f"{key_node.start_mark.name}: line {line}: key '{key_node.value}' is written twice")
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: str | os.PathLike) -> Any:
    """The value in a YAML file (safe tags only); AcnetError if it is missing or broken."""
    try:
        with open(path, encoding="utf-8") as handle:
            return yaml.load(handle, Loader=_Loader)  # a SafeLoader
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: not there") from error
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise AcnetError(f"{path}: not a text file in UTF-8; save it as one") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}:" if where else ""
        raise AcnetError(f"{path}:{line} not valid YAML ({getattr(error, 'problem', error)})") from error


def canonical(value: Mapping | list) -> str:
    """A text that is equal exactly when two plain values are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Mapping | list) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a plain value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


def sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file, read in blocks."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
