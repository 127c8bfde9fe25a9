"""Git's own commands on the project's repository, without touching its work tree or index."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

from acnet.errors import AcnetError

_HELD = re.compile(r"Unable to create '(.+\.lock)': File exists")
# Git holds a lock on a ref for milliseconds: one this old (seconds) was left by a killed process.
_STALE = 5.0
_SAID = 3  # lines of a complaint: the remedy for another owner's repository is in the third


class Unavailable(AcnetError):
    """There is no Git, repository, commit or DVC to remember anything in; the message says which.

    No mistake in the campaign: `record` and `gc` say it and end well.
    """


class Repository:
    """The Git repository whose top folder is `folder`; Unavailable if there is none with a commit."""

    def __init__(self, folder: str | Path = "."):
        self.root = Path(folder).resolve()
        try:
            top = Path(self.git("rev-parse", "--show-toplevel")).resolve()
            self.head = self.git("rev-parse", "--verify", "--quiet", "HEAD")
        except (OSError, AcnetError) as error:
            raise Unavailable(f"{self.root} is not a Git repository with a commit ({error})") from error
        if top != self.root:
            raise Unavailable(f"{self.root} is not a Git repository, but part of {top}")

    def git(self, *arguments: str, feed: bytes | None = None) -> str:
        """What `git ARGUMENTS` prints, `feed` being its standard input; AcnetError with what it complains of."""
        environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, input=feed, capture_output=True, env=environment, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
            said = "; ".join(line.strip() for line in lines[:_SAID]).replace(":; ", ": ")
            raise AcnetError(f"git {arguments[0]}: {said or f'status {done.returncode}'}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def bring(self, folder: str, *refspecs: str) -> None:
        """Fetch refs from the repository in `folder`, those here replaced."""
        options = ("--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--stdin")
        self.update("fetch", *options, folder, feed="\n".join(refspecs).encode())

    def update(self, *arguments: str, feed: bytes) -> None:
        """Run a `git` command that writes refs, again if it met a lock that a killed process left: that is removed."""
        while True:
            try:
                self.git(*arguments, feed=feed)
                return
            except AcnetError as error:
                if not (held := _HELD.search(str(error))):
                    raise
            lock = self.root / held[1]
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _STALE:
                    lock.unlink()
            time.sleep(0.2)
