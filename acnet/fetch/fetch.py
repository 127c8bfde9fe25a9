"""All archives of a dataset: the user's own copies, else downloads; verified, and recorded in fetched.json."""

import os
from pathlib import Path

from acnet.errors import AcnetError
from acnet.fetch.account import open_session
from acnet.fetch.checksums import RECORD, verify
from acnet.fetch.download import USUAL, Patience, download
from acnet.files import write_json
from acnet.params.datasets import Archive, Dataset

FETCHED = "fetched.json"
ENVIRONMENT = "ACNET_ARCHIVES"


def fetch(name: str, dataset: Dataset, folder: Path, patience: Patience = USUAL) -> dict:
    """Bring every archive of `dataset` to hand; write and return {folder}/fetched.json: path, sha256, bytes of each.

    Raises AcnetError for a needed archive that is nowhere, saying how to get it; one that only a submission needs is
    noted as missing. Nothing is fetched anew that is there and right.
    """
    if not dataset.archives:
        raise AcnetError(f"{name}: nothing to download for {dataset.title}; {dataset.get or 'it is made here'}")
    found: dict[str, dict] = {}
    missing: dict[str, str] = {}
    for archive in dataset.archives:
        if archive.instead_of in found:
            continue
        try:
            found[archive.file] = _obtain(name, archive, folder, patience)
        except AcnetError as error:
            missing[archive.file] = str(error)
    replaced = {archive.instead_of for archive in dataset.archives if archive.file in found}
    for archive in dataset.archives:
        if archive.file in missing and archive.needed and archive.file not in replaced:
            others = [a.file for a in dataset.archives if a.instead_of == archive.file or a.file == archive.instead_of]
            hint = f" ({others[0]} would do as well)" if others else ""
            own = f"{dataset.environment} name the extracted folder" if dataset.environment else "`path` name a copy"
            raise AcnetError(f"{name}: {missing[archive.file]}{hint}; or let {own}, or make it {dataset.folders[0]}")
    notes = {file: why for file, why in missing.items() if file not in replaced}
    record = {"dataset": name, "archives": found, "missing": notes}
    write_json(folder / FETCHED, record)
    return record


def _obtain(name: str, archive: Archive, folder: Path, patience: Patience) -> dict:
    record = folder / RECORD
    for path in _own_copies(name, archive, folder):
        if path.is_file():
            return {"path": str(path), **verify(path, archive, record)}
        if archive.path:
            raise AcnetError(f"{path}: not there, though `path` of {archive.file} in datasets.yaml names it")
    target = folder / archive.file
    checked = bool(archive.md5 or archive.sha1 or archive.sha256)
    session, urls = None, archive.urls
    if archive.access == "login":
        session, urls = open_session(archive.file, target)
    if not urls:
        raise AcnetError(f"{archive.file}: no address is known; put the file at {target}")
    mark = download(
        urls,
        target,
        lambda part: verify(part, archive, record),
        size=archive.bytes,
        checked=checked,
        patience=patience,
        session=session,
    )
    return {"path": str(target), **mark}


def _own_copies(name: str, archive: Archive, folder: Path) -> list[Path]:
    """Where a copy of the archive may lie, the first one first."""
    if archive.path:
        return [Path(archive.path).expanduser()]
    places = [folder]
    own = os.environ.get(ENVIRONMENT)
    if own:
        if not Path(own).is_dir():
            raise AcnetError(f"{ENVIRONMENT}={own}: no such folder; let it name the folder of your archives")
        places = [Path(own) / name, Path(own), folder]
    return [place / archive.file for place in places]
