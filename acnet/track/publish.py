"""A campaign's checkpoints, metrics and report to a DVC remote, and its list of files as a Git tag."""

import sys
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import read_json
from acnet.params.campaign import Campaign
from acnet.params.tables import load_tables
from acnet.progress import Progress
from acnet.track.cache import Cache, hashes
from acnet.track.campaign import POINTER, Entry, files_of, tag, write_pointer
from acnet.track.git import Repository
from acnet.track.lock import PUBLISH, exclusive
from acnet.track.transfer import transfer

_AUTHOR = "acnet <acnet@localhost>"


def publish(
    campaign: Campaign,
    root: Path,
    name: str,
    *,
    remote: str | None = None,
    git_remote: str = "origin",
    with_data: bool = False,
    replace: bool = False,
) -> list[Entry]:
    """Push everything of the campaign's scale at hand as the campaign `name`, and return its files.

    The data goes first, then the tag campaign/NAME here, then the tag to `git_remote`: a tag never promises what is
    not there. Raises AcnetError if there is no run, no DVC remote, a checkpoint that is not the one of its
    provenance.json, a name that no tag can have, or another campaign of that name and not `replace`, which also takes
    the tag to today's commit.
    """
    repository, cache = Repository(root), Cache(root)
    check_name(repository, name)
    paths = files_of(campaign, load_tables(campaign.params), root, with_data)
    if not any(path.name == "provenance.json" for path in paths):
        raise AcnetError(f"results/{campaign.scale_name}: no finished run to publish; train some first")
    with exclusive(root / PUBLISH):
        entries = _store(paths, root, cache)
        pointer = write_pointer(entries, campaign.scale_name)
        published = _published(repository, name)
        if published not in (None, pointer) and not replace:
            raise AcnetError(f"campaign '{name}': published before with other files; take another name, or --replace")
        transfer("push", root, (entry.md5 for entry in entries), remote)
        moved = replace and published and repository.git("rev-parse", f"{tag(name)}^") != repository.head
        if published != pointer or moved:
            _write_tag(repository, name, pointer, campaign.scale_name)
    _push_tag(repository, name, git_remote, replace)
    return entries


def check_name(repository: Repository, name: str) -> None:
    """AcnetError if no campaign can be called `name`, because Git takes no tag of that name."""
    try:
        repository.git("check-ref-format", tag(name))
    except AcnetError:
        allowed = "use letters, digits, - and _, and single dots between them, such as mini-2.1"
        raise AcnetError(f"campaign '{name}': cannot be a name, a Git tag is called so; {allowed}") from None


def _store(paths: list[Path], root: Path, cache: Cache) -> list[Entry]:
    """Copy the files into DVC's cache; the hash of each."""
    entries = []
    progress = Progress("publish: hashes", len(paths), "files")
    for path in paths:
        md5, sha256 = hashes(root / path)
        if path.name == "checkpoint.pt":
            named = read_json((root / path).with_name("provenance.json")).get("checkpoint_sha256")
            if named != sha256:
                raise AcnetError(f"{path}: not the one that provenance.json names; evaluate or train this run again")
        cache.add(root / path, md5)
        entries.append(Entry(path.as_posix(), md5, (root / path).stat().st_size))
        progress.advance()
    return entries


def _published(repository: Repository, name: str) -> str | None:
    if not repository.git("for-each-ref", tag(name)):
        return None
    return repository.git("show", f"{tag(name)}:{POINTER}") + "\n"


def _write_tag(repository: Repository, name: str, pointer: str, scale: str) -> None:
    """The tag, on a commit of its own whose parent is HEAD; neither work tree nor index is touched."""
    message, content = f"campaign {name}: scale {scale}".encode(), pointer.encode()
    stream = b"commit %s\ncommitter %s now\ndata %d\n%s\nfrom %s\nM 100644 inline %s\ndata %d\n%s\ndone\n" % (
        tag(name).encode(), _AUTHOR.encode(), len(message), message, repository.head.encode(),
        POINTER.encode(), len(content), content,
    )  # fmt: skip
    repository.update("fast-import", "--quiet", "--force", "--done", "--date-format=now", feed=stream)


def _push_tag(repository: Repository, name: str, git_remote: str, replace: bool) -> None:
    by_hand = f"git push {git_remote} {tag(name)}"
    if git_remote not in repository.git("remote").split():
        print(f"acnet: the tag campaign/{name} is here only; for others: {by_hand}", file=sys.stderr)
        return
    try:
        repository.git("push", "--quiet", *(["--force"] if replace else []), git_remote, tag(name))
    except AcnetError as error:
        raise AcnetError(f"{error}; the files are on the DVC remote, the tag is here: {by_hand}") from error
