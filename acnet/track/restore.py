"""A published campaign back into data/, results/ and reports/, verified, with time stamps that Snakemake accepts."""

import dataclasses
import os
import time
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import replacing
from acnet.params.campaign import Campaign
from acnet.params.tables import load_tables
from acnet.progress import Progress
from acnet.track.cache import Cache, clone, hashes
from acnet.track.campaign import Entry, Published, find
from acnet.track.git import Repository
from acnet.track.lock import RESTORE, exclusive
from acnet.track.transfer import transfer


@dataclasses.dataclass(frozen=True)
class Restored:
    """What came back of a scale, what the remote lacks, and the checkpoints that nobody asked for; paths, sorted.

    `same` are all files here that have the campaign's content, whether or not they were asked for.
    """

    scale: str
    files: list[str]
    missing: list[str]
    absent_checkpoints: list[str]
    same: list[str]


def restore(
    root: Path,
    name: str,
    params: Path,
    *,
    only: str = "",
    remote: str | None = None,
    git_remote: str = "origin",
    overwrite: bool = False,
) -> Restored:
    """Bring the campaign `name` back: all of it, `only` its metrics, or only what a table or figure needs.

    A file of these that is here with the same content is kept, one with another content refused unless `overwrite`.
    What the remote lacks is left out and named. Every file of the campaign that is here then gets the same time stamp.
    Which runs and datasets a table or figure needs is said by `params`.
    """
    repository, cache = Repository(root), Cache(root)
    with exclusive(root / RESTORE):
        published = find(repository, name, git_remote)
        entries = published.entries
        here = files_here(entries, root)
        chosen = part(published, only, params)
        other = in_the_way(chosen, here)
        if other and not overwrite:
            count = f" (and {len(other) - 1} more)" if other[1:] else ""
            raise AcnetError(f"{other[0]}{count}: here with another content; move it away, or --overwrite")
        wanted = [entry for entry in chosen if not here[entry]]
        if wanted:
            absent = [entry.md5 for entry in wanted if not cache.path(entry.md5).exists()]
            if absent:
                transfer("pull", root, absent, remote)
        missing = _place(wanted, root, cache)
        same = [entry.path for entry in entries if here[entry] or (entry in wanted and entry.path not in missing)]
        give_one_time(same, root, time.time())
    checkpoints = [entry.path for entry in entries if entry.path.endswith("checkpoint.pt")]
    return Restored(
        scale=published.scale,
        files=[entry.path for entry in chosen if entry.path not in missing],
        missing=missing,
        absent_checkpoints=[path for path in checkpoints if only == "metrics" and not (root / path).exists()],
        same=same,
    )


def in_the_way(chosen: Iterable[Entry], here: Mapping[Entry, bool | None]) -> list[str]:
    """The files here with another content that only `overwrite` replaces; a report is drawn again in a moment."""
    return [entry.path for entry in chosen if here[entry] is False and not entry.path.startswith("reports/")]


def give_one_time(paths: Iterable[str | Path], root: Path, when: float) -> None:
    """Set the time stamps of all files to `when`: Snakemake makes again what is older than what it is made from."""
    for path in paths:
        os.utime(root / path, (when, when))


def newer(folder: Path, when: float) -> list[Path]:
    """The files of `folder` and two levels below that are newer than `when`, the marks of folders among them."""
    files = (file for depth in ("*", "*/*", "*/*/*") for file in folder.glob(depth))
    return [file for file in files if file.is_file() and file.stat().st_mtime > when]


def files_here(entries: Iterable[Entry], root: Path) -> dict[Entry, bool | None]:
    """Whether each file is here with the campaign's content (True), with another (False), or not at all (None)."""
    found: dict[Entry, bool | None] = {}
    for entry in entries:
        file = root / entry.path
        same = file.exists() and file.stat().st_size == entry.size and hashes(file)[0] == entry.md5
        found[entry] = same if file.exists() else None
    return found


def part(published: Published, only: str, params: Path) -> list[Entry]:
    """What `only` means of a campaign: all of it, its metrics, or what a table or figure of `params` needs."""
    patterns = _patterns(only, params, published.scale)
    return [entry for entry in published.entries if _is_chosen(entry.path, only, patterns)]


def _patterns(only: str, params: Path, scale: str) -> list[str]:
    """The paths, with wildcards, that belong to a table or figure; none for a whole campaign or its metrics."""
    if only in ("", "metrics"):
        return []
    tables = load_tables(params)
    if only not in tables.tables | tables.figures:
        known = ", ".join(tables.tables | tables.figures)
        raise AcnetError(f"only '{only}': not a part of a campaign; it has metrics, {known}")
    runs, campaign = tables.trained([only]), Campaign(params, scale)
    data = [f"data/{dataset}/*" for dataset in sorted({campaign.dataset_of(run) for run in runs})]
    return [*(f"results/{scale}/{run}/seed*" for run in runs), *data, f"*/{scale}/*/{only}.*"]


def _is_chosen(path: str, only: str, patterns: list[str]) -> bool:
    """Whether a file belongs to a part of the campaign: everything, metrics, or what matches `patterns`."""
    if only == "metrics":
        return not path.endswith(("checkpoint.pt", ".bin"))
    return not only or (not path.endswith(".bin") and any(fnmatch(path, pattern) for pattern in patterns))


def _place(entries: list[Entry], root: Path, cache: Cache) -> list[str]:
    """Copy verified files from the cache into their places; the paths of those that the remote lacks or has damaged."""
    missing = []
    progress = Progress("restore", len(entries), "files")
    for entry in entries:
        stored = cache.path(entry.md5)
        if stored.exists() and hashes(stored)[0] != entry.md5:
            stored.unlink()  # damaged: the next time it is asked of the remote again
        if stored.exists():
            with replacing(root / entry.path) as temporary:
                clone(stored, temporary)
        else:
            missing.append(entry.path)
        progress.advance()
    return missing
