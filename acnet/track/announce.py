"""What a publication says at its end: where everything went, what its commit lacks, and how a stranger gets it."""

import shlex
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from acnet.errors import AcnetError
from acnet.progress import some
from acnet.track.campaign import tag
from acnet.track.git import Repository


def announce(root: Path, name: str, remote: str | None, git_remote: str) -> list[str]:
    """Lines about the campaign `name` that was just published to the DVC remote `remote` (None: the default one)."""
    repository = Repository(root)
    store, url, settings_committed = _dvc_remote(root, remote)
    pushed_to = git_remote if git_remote in repository.git("remote").split() else None
    where = f"tag campaign/{name} to {pushed_to}, " if pushed_to else ""
    lines = [f"pushed: {where}its files to DVC remote {store} ({url})", *_lacking(repository, name)]
    origin = without_password(repository.git("remote", "get-url", pushed_to)) if pushed_to else "URL"
    # The tag has the code and parameters of the campaign, whether or not a branch that is pushed has them.
    branch = f"--branch campaign/{name} " if pushed_to else ""
    steps = [f"git clone {branch}{shlex.quote(origin)} acnet", "cd acnet", "make venv", "source .venv/bin/activate"]
    if not settings_committed:
        steps.append(f"dvc remote add --default --local {store} {shlex.quote(url)}")
    steps.append(f"acnet restore {name}" + (f" --remote {store}" if settings_committed and remote else ""))
    return [*lines, f"anyone restores it by: {' && '.join(steps)}"]


def _lacking(repository: Repository, name: str) -> list[str]:
    """A line on the files here that differ from the code that the tag leads to; none if none does."""
    base = repository.git("rev-parse", f"{tag(name)}^")
    changed = repository.git("diff", "--name-only", base)
    fresh = repository.git("ls-files", "--others", "--exclude-standard")
    files = [*changed.splitlines(), *fresh.splitlines()]
    if not files:
        return []
    count = "1 file that differs" if len(files) == 1 else f"{len(files)} files that differ"
    remedy = f"commit them and `acnet publish {name} --replace`, if who restores it shall have them"
    return [f"the published code, commit {base[:10]}, lacks {count} here: {some(files)}; {remedy}"]


def _dvc_remote(root: Path, remote: str | None) -> tuple[str, str, bool]:
    """Name and URL of a DVC remote, and whether the committed settings have it, as the default where none is named."""
    from dvc.config import Config

    settings = Config(str(root.resolve() / ".dvc"))
    committed = Config.load_file(settings.files["repo"])
    name = remote or settings["core"].get("remote", "")
    if name not in settings["remote"]:
        raise AcnetError(f"DVC remote '{name}': not among those of `dvc remote list`")
    known = name in committed.get("remote", {}) and (remote or committed.get("core", {}).get("remote") == name)
    return name, without_password(str(settings["remote"][name].get("url", ""))), bool(known)


def without_password(url: str) -> str:
    """A URL without the password or token that it may carry; the user of ssh://user@host stays."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    named = "" if parts.scheme in ("http", "https") else f"{user.partition(':')[0]}@"
    return urlunsplit(parts._replace(netloc=f"{named}{host}"))
