"""A session logged in at cityscapes-dataset.com, as csDownload of cityscapesscripts opens it.

csDownload's own prompt offers to store the account unencrypted, so the account is asked for here. It is neither stored,
printed nor logged: it goes into the form of the login page, and only what the site answered is kept.
"""

import getpass
import os
import sys
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError

SITE = "https://www.cityscapes-dataset.com"
USER, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
_TIMEOUT = 30  # seconds


def open_session(file: str, target: Path) -> tuple[Any, list[str]]:
    """(a requests.Session, [address of `file`]), with the account of the environment, else asked for on a terminal.

    Raises AcnetError without an account, with a wrong one, and for a file that the account may not have.
    """
    import requests

    user, password, source = _account(file, target)
    try:
        session = requests.Session()
        session.get(f"{SITE}/login", allow_redirects=False, timeout=_TIMEOUT).raise_for_status()
        form = {"username": user, "password": password, "submit": "Login"}
        answer = session.post(f"{SITE}/login", data=form, allow_redirects=False, timeout=_TIMEOUT)
        answer.raise_for_status()
        if answer.status_code != 302:  # the site redirects after a success only
            raise AcnetError(f"{source}: {SITE} refuses this account; correct it and run the same command again")
        answer = session.get(f"{SITE}/downloads/?list", allow_redirects=False, timeout=_TIMEOUT)
        answer.raise_for_status()
        packages = {entry["name"]: entry["packageID"] for entry in answer.json()}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise AcnetError(
            f"{file}: {SITE} cannot be asked ({type(error).__name__}); try again, or put the file at {target}"
        ) from None  # the request's own text may hold the account
    if file not in packages:
        raise AcnetError(f"{file}: this account of {SITE} may not have it; apply there, or put the file at {target}")
    return session, [f"{SITE}/file-handling/?packageID={packages[file]}"]


def _account(file: str, target: Path) -> tuple[str, str, str]:
    """(user, password, where they come from)"""
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if user and password:
        return user, password, f"{USER}, {PASSWORD}"
    if not _interactive():  # a job of a workflow
        remedy = f"set {USER} and {PASSWORD}, or put the file at {target}"
        raise AcnetError(f"{file}: needs an account of cityscapes-dataset.com; {remedy}")
    print(f"{file} needs your account of cityscapes-dataset.com. It is not stored.", file=sys.stderr)
    try:
        user = user or input("User name or email address: ")
        return user, getpass.getpass("Password: "), "your account"
    except EOFError:
        raise AcnetError(f"{file}: no account was given; put the file at {target}, or run the command again") from None


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
