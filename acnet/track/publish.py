"""A campaign's checkpoints, metrics and report to a DVC remote, and its list of files as a Git tag.

`dvc commit` and `dvc push` do it in a throw-away clone, where data/, results/ and reports/ are links to the project's.
"""

import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import yaml

from acnet.errors import AcnetError
from acnet.files import read_json, sha256
from acnet.params.campaign import Campaign
from acnet.track.campaign import FOLDERS, POINTER, Entry, files_of, read_pointer, tag
from acnet.track.dvc_project import dvc_project, one_at_a_time, remote_of, throwaway_clone
from acnet.track.repository import Repository

if TYPE_CHECKING:
    from dvc.repo import Repo


def publish(
    campaign: Campaign, root: Path, name: str, *, remote: str | None, git_remote: str, with_data: bool, replace: bool
) -> list[Entry]:
    """Push everything of the campaign's scale at hand as the campaign `name`, and return its files.

    The data goes first, then the tag campaign/NAME here, then the tag to `git_remote`: a tag never promises what is
    not there. Raises AcnetError if there is no run, no DVC remote, a checkpoint that is not the one of its
    provenance.json, or another campaign of that name without `replace`, which also moves the tag to the current commit.
    """
    repository = Repository(root)
    try:
        repository.git("check-ref-format", tag(name))
    except AcnetError as error:
        raise AcnetError(f"campaign '{name}': Git does not take this name; use letters, digits, _, - and .") from error
    paths = files_of(campaign, root, with_data)
    if not any(path.name == "provenance.json" for path in paths):
        raise AcnetError(f"results/{campaign.scale_name}: no finished run to publish; train some first")
    _check_checkpoints(paths, root)
    # DVC need not know Git in this clone: it would write all files into .gitignore.
    with one_at_a_time(root), throwaway_clone(repository, no_scm=True) as clone:
        pointer = _add(paths, root, clone, campaign.scale_name)
        entries = read_pointer(pointer.read_text(encoding="utf-8")).entries
        exists = repository.git("for-each-ref", tag(name))
        published = read_pointer(repository.git("show", f"{tag(name)}:{POINTER}")).entries if exists else None
        if published not in (None, entries) and not replace:
            raise AcnetError(f"campaign '{name}': published before with other files; take another name, or --replace")
        with remote_of(clone, remote):
            clone.push(targets=[str(pointer)], remote=remote)
        moved = replace and exists and repository.git("rev-parse", f"{tag(name)}^") != repository.head
        if published != entries or moved:
            made = Repository(clone.root_dir)
            made.git("add", POINTER)
            made.git("commit", "--quiet", "-m", f"campaign {name}: scale {campaign.scale_name}")
            repository.bring(clone.root_dir, f"HEAD:{tag(name)}")
    _push_tag(repository, name, git_remote, replace)
    return entries


def _check_checkpoints(paths: Iterable[Path], root: Path) -> None:
    for path in paths:
        if path.name == "checkpoint.pt":
            named = read_json((root / path).with_name("provenance.json")).get("checkpoint_sha256")
            if named != sha256(root / path):
                raise AcnetError(f"{path}: not the one that provenance.json names; evaluate or train this run again")


def _add(paths: Iterable[Path], root: Path, clone: "Repo", scale: str) -> Path:
    """Copy the files into DVC's cache; the clone's campaign.dvc, in which DVC has written their hashes."""
    folder = Path(clone.root_dir)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).symlink_to((root / name).resolve())
    pointer = folder / POINTER
    content = {"meta": {"scale": scale}, "outs": [{"path": path.as_posix()} for path in paths]}
    pointer.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    clone.commit(str(pointer), force=True, relink=False)
    return pointer


def _push_tag(repository: Repository, name: str, git_remote: str, replace: bool) -> None:
    by_hand = f"git push {git_remote} {tag(name)}"
    if git_remote not in repository.git("remote").split():
        print(f"acnet: the tag campaign/{name} was not pushed; to share it: {by_hand}", file=sys.stderr)
        return
    try:
        repository.git("push", "--quiet", *(["--force"] if replace else []), git_remote, tag(name))
    except AcnetError as error:
        raise AcnetError(f"{error}; the files are on the DVC remote, the tag was not pushed: {by_hand}") from error


def announce(root: Path, name: str, remote: str | None, git_remote: str) -> list[str]:
    """Lines about the campaign `name` that was just published to the DVC remote `remote` (None: the default one)."""
    repository = Repository(root)
    with dvc_project(root) as project:
        store = remote or project.config["core"].get("remote", "")
        url = without_password(str(project.config["remote"][store].get("url", "")))
    lines = [f"pushed: files to DVC remote {store} ({url})"]
    if repository.git("status", "--porcelain"):
        again = f"to include them, commit and run `acnet publish {name} --replace`"
        lines.append(f"the published code is that of HEAD, without the uncommitted changes here (git status); {again}")
    origin, branch = "URL", ""
    if git_remote in repository.git("remote").split():
        # The tag has the code and parameters of the campaign, whether or not a branch that is pushed has them.
        origin, branch = without_password(repository.git("remote", "get-url", git_remote)), f"--branch campaign/{name} "
    steps = [f"git clone {branch}{shlex.quote(origin)} acnet", "cd acnet", "make venv", "source .venv/bin/activate"]
    steps += [f"dvc remote add --force --default --local {store} {shlex.quote(url)}", f"acnet restore {name}"]
    return [*lines, f"to restore it elsewhere: {' && '.join(steps)}"]


def without_password(url: str) -> str:
    """A URL without the password or token that it may carry; the user of ssh://user@host stays."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    named = "" if parts.scheme in ("http", "https") else f"{user.partition(':')[0]}@"
    return urlunsplit(parts._replace(netloc=f"{named}{host}"))
