"""All archives of a dataset: the user's own copies, else downloads; verified, and recorded in fetched.json."""

import hashlib
import os
import tarfile
import zipfile
from pathlib import Path

from acnet.errors import AcnetError
from acnet.fetch.account import open_session
from acnet.fetch.download import WrongBytes, download
from acnet.files import sha256, write_json
from acnet.params.datasets import DIGESTS, Archive, Dataset

FETCHED = "fetched.json"
ENVIRONMENT = "ACNET_ARCHIVES"
_REMEDY = "move it away and fetch again"


def fetch(name: str, dataset: Dataset, folder: Path) -> dict:
    """Find or download every archive of `dataset`; write and return {folder}/fetched.json: path, sha256, bytes of each.

    Raises AcnetError for a needed archive that is nowhere, saying how to get it; one that only a submission needs is
    noted as missing. Nothing is fetched again that is there and right.
    """
    if not dataset.archives:
        raise AcnetError(f"{name}: nothing to download for {dataset.title}; {dataset.get or 'it is made here'}")
    found: dict[str, dict] = {}
    missing: dict[str, str] = {}
    for archive in dataset.archives:
        if archive.instead_of not in found:
            try:
                found[archive.file] = _obtain(name, archive, folder)
                missing.pop(archive.instead_of, None)
            except AcnetError as error:
                missing[archive.file] = str(error)
    for archive in dataset.archives:
        if archive.file in missing and archive.needed:
            others = [a.file for a in dataset.archives if a.instead_of == archive.file or a.file == archive.instead_of]
            hint = f" ({others[0]} would do as well)" if others else ""
            own = f"{dataset.environment} to the extracted folder" if dataset.environment else "`path` to a copy"
            raise AcnetError(f"{name}: {missing[archive.file]}{hint}; or set {own}, or extract to {dataset.folders[0]}")
    record = {"dataset": name, "archives": found, "missing": missing}
    write_json(folder / FETCHED, record)
    return record


def _obtain(name: str, archive: Archive, folder: Path) -> dict:
    for path in _own_copies(name, archive, folder):
        if path.is_file():
            return {"path": str(path), **verify(path, archive)}
        if archive.path:
            raise AcnetError(f"{path}: not found, though `path` of {archive.file} in datasets.yaml names it")
    target = folder / archive.file
    session, urls = open_session(archive.file, target) if archive.access == "login" else (None, archive.urls)
    if not urls:
        raise AcnetError(f"{archive.file}: no address is known; put the file at {target}")
    checked = bool(_published(archive))
    facts = download(urls, target, lambda part: verify(part, archive), checked, session)
    return {"path": str(target), **facts}


def _own_copies(name: str, archive: Archive, folder: Path) -> list[Path]:
    """Where a copy of the archive may lie, in the order of preference."""
    if archive.path:
        return [Path(archive.path).expanduser()]
    own = os.environ.get(ENVIRONMENT)
    if own and not Path(own).is_dir():
        raise AcnetError(f"{ENVIRONMENT}={own}: no such folder; set it to the folder of your archives")
    return [place / archive.file for place in ([Path(own) / name, Path(own), folder] if own else [folder])]


def verify(path: Path, archive: Archive) -> dict:
    """Compare a file with the published checksums and return {sha256, bytes}.

    Raises WrongBytes, naming the file and what differs. Without a published checksum the file must at least open as
    what its name says, so that no error page is taken for it.
    """
    size = path.stat().st_size
    if archive.bytes is not None and size != archive.bytes:
        raise WrongBytes(f"{path}: has {size} bytes instead of {archive.bytes}; {_REMEDY}")
    for kind, expected in _published(archive).items():
        with open(path, "rb") as handle:
            found = hashlib.file_digest(handle, kind).hexdigest()
        if found != expected:
            raise WrongBytes(f"{path}: its {kind} is {found} instead of {expected}; {_REMEDY}")
    suffix = Path(archive.file).suffix
    if not _published(archive) and not _opens(path, suffix):
        raise WrongBytes(f"{path}: cannot be opened as {suffix} (an error page?); {_REMEDY}")
    return {"sha256": sha256(path), "bytes": size}


def _published(archive: Archive) -> dict[str, str]:
    return {kind: getattr(archive, kind) for kind in DIGESTS if getattr(archive, kind)}


def _opens(path: Path, suffix: str) -> bool:
    """Whether a file begins as its suffix says; true for an unknown suffix."""
    if suffix == ".zip":
        return zipfile.is_zipfile(path)
    if suffix == ".json":
        with open(path, "rb") as handle:
            return handle.read(1 << 10).lstrip().startswith(b"{")
    return tarfile.is_tarfile(path) if suffix in (".tar", ".gz", ".tgz") else True
