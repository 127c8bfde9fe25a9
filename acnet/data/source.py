"""Where a dataset lies on this machine, and whether those are the files that were prepared."""

import contextlib
import os
from pathlib import Path
from typing import Any

from acnet.data.store import MANIFEST
from acnet.errors import AcnetError
from acnet.files import digest, read_json, visible, visible_below, write_json

_RECORD = ".source.json"  # hidden, hence not published: it names a folder of this machine


def own_folder(dataset: Any, root: Path = Path(".")) -> Path | None:
    """The folder of a dataset: the environment variable's, else the first of `dataset.folders` that is not empty.

    Raises AcnetError if the variable names no folder.
    """
    value = os.environ.get(dataset.environment) if dataset.environment else None
    if value:
        if not Path(value).is_dir():
            remedy = f"set it to the folder of {dataset.title}"
            raise AcnetError(f"{dataset.environment}={value}: no such folder; {remedy}")
        return Path(value)
    candidates = (root / candidate for candidate in dataset.folders)
    return next((c for c in candidates if c.is_dir() and visible(c)), None)


def find_source(name: str, dataset: Any, root: Path = Path(".")) -> Path:
    """As `own_folder`; AcnetError that lists where it looked and how to get the data, if there is none."""
    found = own_folder(dataset, root)
    if found:
        return found
    looked = [f"${dataset.environment} (not set)"] if dataset.environment else []
    looked += [str(root / candidate) for candidate in dataset.folders]
    remedy = dataset.get or "get the dataset"
    if dataset.generate is not None:
        remedy = f"make it with `acnet data generate {name}`"
    elif dataset.environment:
        remedy = f"{remedy}; {dataset.environment} may name its folder"
    raise AcnetError(f"{name}: {dataset.title} not found; looked at {', '.join(looked)}; {remedy}")


def described(folder: Path) -> dict[str, Any]:
    """A folder, the number and bytes of the files below it, and a digest of their names, sizes and times.

    The files are not read; hidden ones do not count.
    """
    facts = []
    for path in visible_below(folder):
        with contextlib.suppress(FileNotFoundError):  # a broken link
            found = path.stat()
            facts.append([path.relative_to(folder).as_posix(), found.st_size, found.st_mtime_ns])
    total = sum(size for _, size, _ in facts)
    named = os.fsencode(folder.resolve()).decode(errors="replace")  # a name need not be UTF-8
    return {"folder": named, "files": len(facts), "bytes": total, "digest": digest(sorted(facts))}


def record_source(store: Path, source: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Keep beside the `manifest` of a store which files, as `described`, it is prepared from."""
    write_json(store / _RECORD, {**source, "manifest": digest(manifest)})


def refuse_other_source(name: str, dataset: Any, store: Path, root: Path = Path(".")) -> None:
    """AcnetError if the folder of a dataset holds other files than its prepared `store` was made from.

    A store whose source is gone serves as before; so does one from elsewhere, which has no record.
    """
    if not (store / MANIFEST).exists() or not (store / _RECORD).exists():
        return
    former, found = read_json(store / _RECORD), None
    with contextlib.suppress(AcnetError):
        found = own_folder(dataset, root)
    if not found or former["manifest"] != digest(read_json(store / MANIFEST)):
        return
    now = described(found)
    if now["digest"] != former["digest"]:
        counts = [f"{facts['files']} files of {facts['bytes']} bytes" for facts in (former, now)]
        named = f"{dataset.environment}={found}" if os.environ.get(dataset.environment or "") else found
        same = now["folder"] == former["folder"]
        other = "whose files have changed in" if same else f"but the files in {named} differ in"
        raise AcnetError(
            f"{store}: prepared from {former['folder']}, {other} name, size or time ({' then, '.join(counts)} now); "
            f"`acnet data prepare {name}` prepares it again; runs on it are trained again if an image or label "
            "differs; to keep the prepared data, restore the former files"
        )
