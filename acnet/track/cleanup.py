"""Clean-ups that cost nothing that a table, a training or an experiment needs, and what each would free."""

import contextlib
import functools
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from acnet.params.schema import among
from acnet.track import litter
from acnet.track.dvc_project import one_at_a_time
from acnet.track.litter import KINDS, USUAL, Litter, of_files
from acnet.track.record import rows_of
from acnet.track.repository import Repository, Unavailable

# A file comes into the cache before what names it is written; a training of `dvc exp run` may take its time.
_YOUNG = 3600


def clean(
    params: Path, kinds: Iterable[str], root: Path, *, data: Path, results: Path, logs: Path, really: bool
) -> Iterator[Litter]:
    """Yield what may go of the given kinds, in the order of KINDS; `really` removes each before the next is sought.

    Only a removal keeps recording and publishing waiting: to look, nothing needs to be writable.
    Raises AcnetError for an unknown kind. Kinds that need Git or DVC raise Unavailable where these are missing.
    """
    kinds = [among(kind, KINDS, "KIND") for kind in kinds] or list(USUAL)
    find = {
        "aside": lambda: litter.aside(results),
        "halves": lambda: litter.halves(results, data),
        "runs": lambda: litter.runs(params, results),
        "data": lambda: litter.data(params, data),
        "logs": lambda: litter.logs(results, logs, root / ".snakemake"),
        "copies": lambda: _copies(root),
        "rows": lambda: _rows(root, kept=False),
        "kept": lambda: _rows(root, kept=True),
        "cache": lambda: _unused(root),
    }
    with one_at_a_time(root) if really and (root / ".dvc").is_dir() else contextlib.nullcontext():
        for kind in filter(kinds.__contains__, KINDS):
            for found in list(find[kind]()):
                if really:
                    found.remove()
                yield found


def _copies(root: Path) -> Iterator[Litter]:
    """Copies of the project in which no process works."""
    folders = [path for path in (root / ".dvc/tmp/exps").glob("*/tmp*") if path.is_dir()]
    at_work = [process.info["cwd"] or "" for process in psutil.process_iter(["cwd"])] if folders else []
    for folder in sorted(folders):
        if not _is_young(folder) and not any(Path(cwd).is_relative_to(folder.resolve()) for cwd in at_work):
            yield of_files(str(folder), "copies", "left by a dvc exp run that was killed", folder)


def _rows(root: Path, kept: bool) -> Iterator[Litter]:
    """Rows of ours: old ones that were `kept`, or else those of commits that no branch or tag stands at."""
    repository = Repository(root)
    marks = ("refs/heads", "refs/tags", "refs/remotes")
    refs = repository.git("for-each-ref", "--format=%(objectname) %(*objectname)", *marks)
    shown = {repository.head, *(line.split()[-1] for line in refs.splitlines())}  # of an annotated tag what it marks
    for row in rows_of(repository):
        if row.digest and row.kept == kept and (kept or row.baseline not in shown):
            why = "an earlier training" if kept else "dvc exp show hides it"
            command = f"delete {row.ref} {row.commit}\n".encode()
            remove = functools.partial(repository.update, "update-ref", "--stdin", feed=command)
            yield Litter("kept" if kept else "rows", f"{row.name} on commit {row.baseline[:10]}", why, 0, remove)


def _unused(root: Path) -> Iterator[Litter]:
    """Files that `dvc gc` would remove, unless they are young or the cache may serve other projects too."""
    repository = Repository(root)
    what = ("--workspace", "--all-branches", "--all-tags", "--all-experiments")
    command = [sys.executable, "-m", "dvc", "gc", *what, "--dry"]
    done = subprocess.run(command, cwd=repository.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"dvc gc: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    listed = [Path(line.removeprefix("Removing ")) for line in done.stdout.splitlines() if line.startswith("Removing ")]
    unused = [path for path in listed if path.is_relative_to(repository.root) and not _is_young(path)]
    if unused:
        yield of_files("DVC's cache", "cache", f"{len(unused)} files that nothing names", *unused)


def _is_young(path: Path) -> bool:
    return time.time() - path.stat().st_ctime < _YOUNG
