"""Files between DVC's cache and a DVC remote of any kind (folder, S3, SSH, HTTP)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from acnet.errors import AcnetError


def transfer(way: Literal["push", "pull"], root: Path, md5s: Iterable[str], remote: str | None) -> None:
    """Push to, or pull from, a DVC remote (by default the default one) what lies there by its MD5.

    A file that the source lacks is passed over: who pulls looks into the cache afterwards. Raises AcnetError if there
    is no remote, or if it does not answer.
    """
    from dvc.config import NoRemoteError
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with Repo(str(root)) as repo:
            done = getattr(repo.cloud, way)([HashInfo("md5", md5) for md5 in sorted(set(md5s))], remote=remote)
    except NoRemoteError as error:
        raise AcnetError(f"{root}: no DVC remote; dvc remote add --default NAME URL, then the same again") from error
    except Exception as error:  # each kind of remote has its own exceptions
        raise AcnetError(f"DVC remote {remote or '(the default one)'}: {error}") from error
    if way == "push" and done.failed:
        raise AcnetError(f"DVC remote: {len(done.failed)} files could not be sent; the same again sends the rest")
