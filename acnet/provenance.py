"""What made a run: commit, source hash, versions, device, time."""

import ast
import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acnet.files import read_yaml, replacing, write_text
from acnet.params.run import Run

PACKAGE = Path(__file__).resolve().parent
# The modules that can change what a run computes; the report, for one, cannot. Nor can what makes raw data: a run
# depends on the images themselves. The others draw what a trained network sees.
SOURCES = (
    "data/**/*.py", "model/**/*.py", "train/**/*.py", "evaluate/**/*.py",
    "checkpoint.py", "device.py", "distributed.py", "precision.py",
)  # fmt: skip
WITHOUT = (
    "data/check*.py", "data/generate/*.py", "data/new.py", "data/palette.py", "data/show.py",
    "evaluate/comparison_images.py", "evaluate/predict.py",
)  # fmt: skip
HARMLESS = "harmless_changes.yaml"  # lists changes of the source hash that change no result
PATCH, DISTRIBUTIONS = "changes.patch", "distributions.txt"
_WATCHED = ("acnet", "workflow", "params", "Snakefile")


@functools.cache
def source_hash() -> str:
    """The first 16 digits of a SHA-256 over the statements of every module that can change a run's result.

    Equal on every Python. Comments, docstrings and layout do not count, nor does in which module a statement stands,
    or in which order: code that moves stays the same code.
    """
    files, others = ({file for entry in part for file in PACKAGE.glob(entry)} for part in (SOURCES, WITHOUT))
    statements = {text for file in files - others for text in statements_of(file.read_bytes())}
    return hashlib.sha256("\n".join(sorted(statements)).encode()).hexdigest()[:16]


def statements_of(source: str | bytes) -> Iterator[str]:
    """The statements of a module that compute something, as syntax trees in a text that is equal on every Python."""
    for node in filter(_computes, ast.parse(source).body):
        if isinstance(node, ast.Import | ast.ImportFrom):  # one by one: modules share what they import
            yield from (f"{getattr(node, 'module', '')} {_plain(name)}" for name in node.names)
        else:
            yield _plain(node)


def _plain(node: Any) -> str:
    """A syntax tree as text. What is empty is left out, since each Python adds some."""
    if isinstance(node, list):
        return f"[{' '.join(_plain(item) for item in node if _computes(item))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # Python 3.12 ends some format specifications with an empty text
        return f"JoinedStr{_plain([part for part in node.values if getattr(part, 'value', None) != ''])}"
    fields = [f"{name}={_plain(value)}" for name, value in ast.iter_fields(node) if value is not None and value != []]
    return f"{type(node).__name__}({' '.join(fields)})"


def _computes(node: Any) -> bool:
    """False for docstrings, and for imports from this package, whose modules count themselves."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("acnet"))


@functools.cache
def commit() -> tuple[str | None, bool | None]:
    """The commit of the project's checkout and whether code or parameters differ from it; None without Git.

    As when it is first asked, since this process keeps the code that it has loaded.
    """
    try:
        head, top = _git("rev-parse", "HEAD", "--show-toplevel").splitlines()
        if Path(top) != PACKAGE.parent:  # the repository of something around this package
            return None, None
        return head, bool(_git("status", "--porcelain", "--untracked-files=normal", "--", *_WATCHED))
    except (OSError, subprocess.SubprocessError):
        return None, None


@functools.cache
def changes() -> bytes:
    """The changes of code and parameters since `commit` as a patch for `git apply`, new files included.

    Empty for none, and in a checkout that Git may not write to: a training goes on without the patch, as `dirty` says.
    """
    head, dirty = commit()
    if not dirty:
        return b""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OSError, subprocess.SubprocessError):
        index = {"GIT_INDEX_FILE": f"{folder}/index"}  # the user's own stays as it is
        _git("read-tree", head, **index)
        _git("add", "--all", "--", *_WATCHED, **index)
        return _run("diff-index", "--cached", "--patch", "--binary", head, **index)  # whose form no setting changes
    return b""


def _git(*arguments: str, **environment: str) -> str:
    return os.fsdecode(_run(*arguments, **environment))


def _run(*arguments: str, **environment: str) -> bytes:
    command, environ = ["git", "-C", str(PACKAGE.parent), *arguments], {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, check=True, timeout=20, env=environ).stdout


def write_changes(folder: Path) -> None:
    """Write the `changes`, if there are any, into a folder."""
    if patch := changes():
        with replacing(folder / PATCH) as temporary:
            temporary.write_bytes(patch)


def write_surroundings(folder: Path, changed: Path) -> None:
    """Write the installed distributions into a run's folder, and move there what `write_changes` left in `changed`."""
    installed = set()
    for found in importlib.metadata.distributions():
        with contextlib.suppress(UnicodeDecodeError):  # metadata of an old package
            installed.add(f"{found.metadata['Name']}=={found.version}")
    write_text(folder / DISTRIBUTIONS, "\n".join(sorted(installed, key=str.lower)) + "\n")
    (folder / PATCH).unlink(missing_ok=True)  # of an earlier training
    if (changed / PATCH).exists():
        (changed / PATCH).replace(folder / PATCH)


def code() -> dict[str, Any]:
    """The code that this process has loaded: `commit`, `dirty`, `source_hash`."""
    head, dirty = commit()
    return {"commit": head, "dirty": dirty, "source_hash": source_hash()}


def combined(codes: list[dict[str, Any]]) -> dict[str, Any]:
    """What a result made by several codes says of its code: the latest that differs from the last, dirty if any was.

    By its source hash such a result is stale, unless the change is known to be harmless.
    """
    others = [one for one in codes if one["source_hash"] != codes[-1]["source_hash"]]
    return {**(others or codes)[-1], "dirty": any(one["dirty"] for one in codes) or codes[-1]["dirty"]}


def changed_since(made: Mapping[str, Any], now: Run, code: str) -> list[str]:
    """What has changed since a run's provenance was `made`: of ["code", "parameters"].

    `now` is the run as params/ describe it today, `code` today's source hash. A run with changes is stale: the same
    command might give other numbers today.
    """
    same = {made.get("source_hash")}
    for before, after in read_yaml(PACKAGE / HARMLESS):
        same |= {after} if before in same else set()
    changes = {"code": code not in same, "parameters": made.get("params_hash") != now.digest()}
    return [what for what, changed in changes.items() if changed]


def now() -> str:
    """The time, UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(run: Run, **more: Any) -> dict[str, Any]:
    """Everything that provenance.json says of `run`; `more` is added as it is."""
    import numpy
    import PIL
    import torch

    computing = {"torch": torch.__version__, "numpy": numpy.__version__, "pillow": PIL.__version__}
    return {
        **code(),
        "versions": {"python": platform.python_version(), **computing},
        "threads": run.train.threads,
        "precision": run.train.precision,
        "initial_weights": run.init.name,
        **more,
    }
