"""Clean-ups that cost nothing that a table, a training or an experiment needs, and what each would free."""

import contextlib
import errno
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

from acnet.errors import AcnetError
from acnet.params.strict import among
from acnet.track import litter
from acnet.track.cache import Cache
from acnet.track.git import Repository, Unavailable
from acnet.track.kinds import KINDS, USUAL
from acnet.track.litter import Litter, of_files
from acnet.track.lock import PUBLISH, RECORD, RESTORE, exclusive
from acnet.track.record import Row, rows_of

# A file comes into the cache before what names it is written; a training of `dvc exp run` may take its time.
_YOUNG = 3600


def clean(
    params: Path, kinds: Iterable[str], root: Path, *, data: Path, results: Path, logs: Path, really: bool
) -> Iterator[Litter]:
    """Yield what may go of the given kinds, in the order of KINDS; `really` removes each before the next is sought.

    Only a removal keeps recording, publishing and restoring waiting: to look, nothing needs to be writable.
    Raises AcnetError for an unknown kind. Kinds that need Git or DVC raise Unavailable where these are missing.
    """
    kinds = [among(kind, KINDS, "KIND") for kind in kinds] or list(USUAL)
    with _alone(root) if really else contextlib.nullcontext():
        for kind in filter(kinds.__contains__, KINDS):
            for found in list(_find(kind, params, root, data, results, logs)):
                if really:
                    found.remove()
                yield found


def _find(kind: str, params: Path, root: Path, data: Path, results: Path, logs: Path) -> Iterator[Litter]:
    if kind == "aside":
        return litter.aside(results)
    if kind == "halves":
        return litter.halves(results, data)
    if kind == "runs":
        return litter.runs(params, results)
    if kind == "data":
        return litter.data(params, data)
    if kind == "logs":
        return litter.logs(results, logs, root / ".snakemake")
    if kind == "copies":
        return _copies(root)
    return _unused(root) if kind == "cache" else _rows(Repository(root), kind == "kept")


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """No recording, publishing or restoring meanwhile: each puts files into the cache before it names them."""
    if not (root / ".dvc").is_dir():
        yield
        return
    with exclusive(root / RECORD), exclusive(root / PUBLISH), exclusive(root / RESTORE):
        yield


def _copies(root: Path) -> Iterator[Litter]:
    """Copies of the project in which no process works."""
    folders = [path for path in (root / ".dvc/tmp/exps").glob("*/tmp*") if path.is_dir()]
    at_work = [process.info["cwd"] or "" for process in psutil.process_iter(["cwd"])] if folders else []
    for folder in sorted(folders):
        young = time.time() - folder.stat().st_mtime < _YOUNG
        if not young and not any(Path(place).is_relative_to(folder.resolve()) for place in at_work):
            yield of_files(str(folder), "copies", "left by a dvc exp run that was killed", folder)


def _rows(repository: Repository, kept: bool) -> Iterator[Litter]:
    """Rows of ours: old ones that were `kept`, or else those of commits that no branch or tag stands at."""
    rows = [row for row in rows_of(repository) if row.digest]
    shown = {repository.head, *_commits(repository, "refs/heads", "refs/tags", "refs/remotes")}
    for row in rows:
        if row.kept == kept and (kept or row.baseline not in shown):
            why = "an earlier training" if kept else "dvc exp show hides it"
            name = f"{row.name} on commit {row.baseline[:10]}"
            yield Litter("kept" if kept else "rows", name, why, 0, _removing(repository, row))


def _removing(repository: Repository, row: Row) -> Callable[[], None]:
    return lambda: repository.update("update-ref", "--stdin", feed=f"delete {row.ref} {row.commit}\n".encode())


def _unused(root: Path) -> Iterator[Litter]:
    """Files of DVC's cache that nothing names, unless they are young or the cache may serve other projects too."""
    cache = Cache(root)
    files = [path for path in cache.folder.glob("??/*") if path.is_file()]
    if not files or not cache.top.is_relative_to(root.resolve()):
        return
    used = _used(root)
    unused = [path for path in files if path.parent.name + path.name not in used and not _is_young(path)]
    if unused:
        yield of_files(str(cache.folder), "cache", f"{len(unused)} of {len(files)} files that nothing names", *unused)


def _used(root: Path) -> set[str]:
    """The MD5 of everything that the work tree or any ref of Git names: branches, tags, experiments, queues."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            named = repo.used_objs(revs=sorted(_commits(Repository(root))))
    except DvcException as error:
        raise AcnetError(f"DVC cannot tell what is in use: {error}; nothing of its cache is removed") from error
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise Unavailable(f"DVC itself writes into {error.filename}, where it may not") from error
    return {info.value for infos in named.values() for info in infos}


def _commits(repository: Repository, *where: str) -> set[str]:
    """The commits of all refs, or of those below `where`; of an annotated tag the one that it marks."""
    listed = repository.git("for-each-ref", "--format=%(objectname) %(*objectname)", *where)
    return {line.split()[-1] for line in listed.splitlines()}


def _is_young(path: Path) -> bool:
    return time.time() - path.stat().st_ctime < _YOUNG
