"""DVC's own commands, in the project or in a throw-away clone of it that spares the work tree and the index."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acnet.errors import AcnetError
from acnet.files import held
from acnet.track.repository import Repository, Unavailable

if TYPE_CHECKING:
    from dvc.repo import Repo

# Nobody's name, signature or hooks: what acnet commits is nobody's work.
_SETTINGS = ("user.name=acnet", "user.email=acnet@localhost", "commit.gpgsign=false", "core.hooksPath=/dev/null")


@contextlib.contextmanager
def dvc_project(root: Path, **options: Any) -> Iterator["Repo"]:
    """The DVC project at `root`, with options of `dvc.repo.Repo`; what DVC complains about is an AcnetError.

    Raises Unavailable if DVC or its folder .dvc is missing.
    """
    try:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo
    except ImportError as error:
        raise Unavailable("DVC is not installed (pip install dvc)") from error
    if not (root / ".dvc" / "config").exists():
        raise Unavailable(f"{root} has no .dvc/config (git checkout -- .dvc brings it back)")
    logging.getLogger("dvc").setLevel(logging.ERROR)  # no hints at commands that are typed by hand
    try:
        with Repo(str(root.resolve()), **options) as project:
            yield project
    except DvcException as error:
        raise AcnetError(f"DVC: {error}") from error


@contextlib.contextmanager
def throwaway_clone(repository: Repository, **core: Any) -> Iterator["Repo"]:
    """A clone of the commit HEAD with the project's DVC cache and remotes, and `core` of DVC's settings.

    Only for who holds `one_at_a_time`: a clone that a killed process left is removed first.
    """
    folder = repository.root / ".dvc" / "tmp" / "acnet-clone"
    shutil.rmtree(folder, ignore_errors=True)
    with dvc_project(repository.root) as project:
        settings = {name: project.config[name] for name in ("core", "cache", "remote")}
        settings["cache"] = {**settings["cache"], "dir": project.cache.local_cache_dir}
        settings["core"] = {**settings["core"], **core}
    options = ["--shared", "--no-tags", "--single-branch", *(f"--config={setting}" for setting in _SETTINGS)]
    try:
        repository.git("clone", "--quiet", *options, ".", str(folder))
        with dvc_project(folder, config=settings) as clone:
            yield clone
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def remote_of(project: "Repo", remote: str | None) -> Iterator[None]:
    """A transfer to or from a DVC remote (None: the default one); AcnetError if it is missing or does not answer."""
    name = remote or project.config["core"].get("remote", "")
    if name not in project.config["remote"]:
        raise AcnetError(
            f"no DVC remote {name}; `dvc remote add --default NAME URL` adds one, `dvc remote list` lists them"
        )
    try:
        yield
    except AcnetError:
        raise
    except Exception as error:  # each kind of remote has its own exceptions
        raise AcnetError(f"DVC remote {name}: {error}; re-run to send or fetch the rest") from error


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Let one process at a time record or publish; another one waits, saying so once."""
    file = root / ".dvc" / "tmp" / "acnet.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with held(file, f"another process holds {file}; waiting for it", wait=True):
        yield
