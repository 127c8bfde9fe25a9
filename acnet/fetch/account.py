"""A session logged in at cityscapes-dataset.com. The password is never stored, printed or logged."""

import os
import sys
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError

SITE = "https://www.cityscapes-dataset.com"
USER, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"


def open_session(file: str, target: Path) -> tuple[Any, list[str]]:
    """(a requests.Session, [address of `file`]), with the account of the environment, else csDownload's own prompt.

    Raises AcnetError without an account, with a wrong one, and for a file that the account may not have.
    """
    import requests

    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    asked = sys.stdin.isatty() and sys.stderr.isatty()  # no job of a workflow can be asked
    if not (user and password) and not asked:
        remedy = f"set {USER} and {PASSWORD}, or put the file at {target}"
        raise AcnetError(f"{file}: needs an account of cityscapes-dataset.com; {remedy}")
    try:
        session = _login(user, password) if user and password else _prompted()
        answer = session.get(f"{SITE}/downloads/?list", allow_redirects=False, timeout=30)
        answer.raise_for_status()
        packages = {entry["name"]: entry["packageID"] for entry in answer.json()}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise AcnetError(
            f"{file}: {SITE} cannot be asked ({type(error).__name__}); try again, or put the file at {target}"
        ) from None  # the request's own text may hold the account
    if file not in packages:
        raise AcnetError(f"{file}: this account of {SITE} may not have it; apply there, or put the file at {target}")
    return session, [f"{SITE}/file-handling/?packageID={packages[file]}"]


def _login(user: str, password: str) -> Any:
    import requests

    session = requests.Session()
    session.get(f"{SITE}/login", allow_redirects=False, timeout=30).raise_for_status()
    form = {"username": user, "password": password, "submit": "Login"}
    answer = session.post(f"{SITE}/login", data=form, allow_redirects=False, timeout=30)
    answer.raise_for_status()
    if answer.status_code != 302:  # the site leads elsewhere only after a success
        raise AcnetError(f"{USER}, {PASSWORD}: {SITE} refuses this account; correct them")
    return session


def _prompted() -> Any:
    try:
        from cityscapesscripts.download import downloader
    except ImportError:
        remedy = f"pip install it, or set {USER} and {PASSWORD}"
        raise AcnetError(
            f"cityscapesscripts: not installed, so csDownload cannot ask for the account; {remedy}"
        ) from None
    try:
        return downloader.login()
    except (EOFError, OSError):
        raise
    except Exception as error:  # the tool raises Exception itself
        raise AcnetError(f"csDownload: {error}") from None
