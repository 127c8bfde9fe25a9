"""A published campaign back into data/, results/ and reports/, verified, with time stamps that Snakemake accepts."""

import contextlib
import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import replacing
from acnet.params.campaign import Campaign
from acnet.params.run import read_run
from acnet.progress import Progress
from acnet.track.archive import WEIGHTS, read_archive, unpack
from acnet.track.campaign import Entry, Published, find, tag
from acnet.track.dvc_project import dvc_project, remote_of
from acnet.track.repository import Repository, Unavailable

_MADE = ("params.yaml", "checkpoint.pt", "examples.npz")


@dataclasses.dataclass(frozen=True)
class Restored:
    """What came back of a scale, and what the remote lacks; `same` are all files here with the campaign's content."""

    scale: str
    files: list[str]
    missing: list[str]
    same: list[str]


def is_archive(name: str) -> bool:
    """Whether `name` is the file of an archive rather than a campaign."""
    return name.lower().endswith(".zip")


def restore(
    root: Path, name: str, params: Path, *, only: str, remote: str | None, git_remote: str, overwrite: bool
) -> Restored:
    """Bring the campaign `name`, or an archive (.zip), back: all of it, `only` its metrics, or what a table needs.

    A file of these that is here with the same content is kept, one with another content refused unless `overwrite`;
    only a report, which can be drawn again, is replaced in any case. What the remote lacks is left out and named.
    Which runs and datasets a table or figure needs is said by `params`.
    """
    archived = Path(name) if is_archive(name) else None
    published = read_archive(archived) if archived else _published(Repository(root), name, git_remote)
    here = {entry: is_here(root / entry.path, entry) for entry in published.entries}
    chosen = part(published, only, params)
    other = [entry.path for entry in chosen if here[entry] is False and not entry.path.startswith("reports/")]
    if other and not overwrite:
        count = f" (and {len(other) - 1} more)" if other[1:] else ""
        raise AcnetError(f"{other[0]}{count}: here with another content; move it away, or --overwrite")
    wanted = [entry for entry in chosen if not here[entry]]
    missing: list[str] = []
    if archived:
        unpack(archived, chosen, wanted, root)
    elif wanted:
        missing = _download(wanted, root, name, remote)
    brought = {entry for entry in wanted if entry.path not in missing}
    same = [entry.path for entry in published.entries if here[entry] or entry in brought]
    rebuilt = [file.removesuffix(WEIGHTS) + "checkpoint.pt" for file in same if file.endswith(WEIGHTS)]
    same += [file for file in rebuilt if (root / file).exists()]
    files = [entry.path for entry in chosen if entry.path not in missing]
    return Restored(published.scale, files, missing, same)


def _published(repository: Repository, name: str, git_remote: str) -> Published:
    """The campaign `name`; says so if `git_remote` has another version of it than is here."""
    published, ref = find(repository, name, git_remote), tag(name)
    if git_remote not in repository.git("remote").split():
        return published
    with contextlib.suppress(AcnetError):  # not reachable
        there = repository.git("ls-remote", git_remote, ref).partition("\t")[0]
        if there and there != repository.git("rev-parse", ref):
            how = f"`git fetch --force {git_remote} {ref}:{ref}`, then this command again, restores that one"
            print(f"acnet: {git_remote} has another version of campaign {name} than is here; {how}", file=sys.stderr)
    return published


def give_one_time(paths: Iterable[str | Path], root: Path, when: float) -> None:
    """Set the time stamps of all files to `when`: Snakemake makes again what is older than what it is made from."""
    for path in paths:
        os.utime(root / path, (when, when))


def newer(folder: Path, when: float) -> list[Path]:
    """The files of `folder` and two levels below that are newer than `when`, the marks of folders among them."""
    files = (file for depth in ("*", "*/*", "*/*/*") for file in folder.glob(depth))
    return [file for file in files if file.is_file() and file.stat().st_mtime > when]


def is_here(file: Path, entry: Entry) -> bool | None:
    """Whether `file` is here with the campaign's content (True), with another (False), or not at all (None)."""
    if not file.exists():
        return None
    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == entry.md5


def part(published: Published, only: str, params: Path) -> list[Entry]:
    """What `only` means of a campaign: all of it, its metrics, or what a table or figure of `params` needs."""
    if not only:
        return published.entries
    if only == "metrics":
        heavy = ("checkpoint.pt", ".safetensors", ".bin")
        return [entry for entry in published.entries if not entry.path.endswith(heavy)]
    campaign = Campaign(params, published.scale)
    tables, scale = campaign.tables, published.scale
    if only not in tables.tables | tables.figures:
        known = ", ".join(tables.tables | tables.figures)
        raise AcnetError(f"only '{only}': not a part of a campaign; it has metrics, {known}")
    runs = tables.trained([only])
    patterns = [f"data/{campaign.dataset_of(run)}/*" for run in runs] + [f"*/{scale}/*/{only}.*"]
    patterns += [f"results/{scale}/{run}/seed*" for run in runs]
    chosen = (entry for entry in published.entries if any(fnmatch(entry.path, pattern) for pattern in patterns))
    return [entry for entry in chosen if not entry.path.endswith(".bin")]


def _download(entries: list[Entry], root: Path, name: str, remote: str | None) -> list[str]:
    """Bring files from the DVC remote into their places; the paths of those that it lacks or has damaged."""
    missing = []
    progress = Progress("restore", len(entries), "files")
    # An empty cache: each file comes from the remote, straight into its place, and is not kept twice.
    options = {"rev": tag(name), "remote": remote, "config": {"cache": {"dir": str(root / ".dvc/tmp/no-cache")}}}
    with dvc_project(root, **options) as project, remote_of(project, remote):
        from dvc.api import DVCFileSystem

        files = DVCFileSystem(repo=project)
        for entry in entries:
            try:
                with replacing(root / entry.path) as temporary:
                    files.get_file(f"/{entry.path}", str(temporary))
                    if not is_here(temporary, entry):
                        raise FileNotFoundError
            except FileNotFoundError:
                missing.append(entry.path)
            progress.advance()
    return missing


@dataclasses.dataclass(frozen=True)
class Runs:
    """What params/ says today of the runs among restored files, each as run/seedN; `files` are those it would make.

    `others` were trained with other parameters than params/ holds; for `unknown` ones it has no entry in runs.yaml, or
    no dataset at this scale, and their files are not among `files`.
    """

    others: list[str]
    unknown: list[str]
    files: list[str]


def runs_among(paths: list[str], campaign: Campaign, root: Path) -> Runs:
    """Compare the runs among `paths`, relative to `root`, with params/."""
    found = Runs([], [], [])
    for path in map(Path, paths):
        if path.parts[0] != "results" or path.name != "params.yaml":
            continue
        run, seed = path.parts[-3:-1]
        try:
            today = campaign.resolve(run, int(seed.removeprefix("seed")))
        except AcnetError:
            found.unknown.append(f"{run}/{seed}")
            continue
        if read_run(root / path).digest() != today.digest():
            found.others.append(f"{run}/{seed}")
        made = [path.with_name(name) for name in _MADE]
        made += [path.parent / "metrics" / f"{protocol}.json" for protocol in campaign.protocols]
        found.files.extend(file.as_posix() for file in made if (root / file).exists())
    return found


def touch(root: Path, targets: list[str], scale: str) -> bool:
    """Let Snakemake note everything behind `targets` as made, with what each params.yaml says; False if not for all."""
    options = ["--touch", "--forceall", "--nolock", "--keep-going", "--cores", "1", "--quiet", "rules"]
    command = [sys.executable, "-m", "snakemake", *targets, *options, "--config", f"scale={scale}"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0


def commands_that_fetch(root: Path, campaign: Campaign, run: str, seed: int, only: str) -> list[str]:
    """Commands that bring a run and all that `only`, a table or figure, needs; none where it was never shared."""
    scale = campaign.scale_name
    try:
        repository = Repository(root)
    except Unavailable:
        return []
    commands, folder = [], f"results/{scale}/{run}/seed{seed}/"
    for ref in repository.git("for-each-ref", "--format=%(refname)", tag("*")).splitlines():
        name = ref.removeprefix(tag(""))
        if any(entry.path.startswith(folder) for entry in find(repository, name).entries):
            commands.append(f"acnet restore {name} --only {only}")
    if repository.git("for-each-ref", f"refs/exps/*/*/{scale}-{run}-seed{seed}"):
        commands.append(f"dvc exp apply {scale}-{run}-seed{seed}  # commit first: it resets uncommitted edits")
    return commands
