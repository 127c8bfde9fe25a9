"""One image with its label, and the checks that all readers share."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image file and where its label comes from: a file, the masks of a JSON, or None for a test image."""

    name: str
    image: Path
    label: Any


class SplitMissing(AcnetError):
    """A whole split is not on disk."""


def check_split(reader: str, split: str, known: Iterable[str]) -> None:
    """AcnetError unless the dataset has this split."""
    if split not in known:
        raise AcnetError(f"{reader}: no split '{split}'; known: {', '.join(known)}")


def folder(path: Path, remedy: str) -> Path:
    """`path` if it is a folder; SplitMissing with the remedy otherwise."""
    if not path.is_dir():
        raise SplitMissing(f"{path}: folder is missing; {remedy}")
    return path


def first_folder(candidates: Iterable[Path], remedy: str) -> Path:
    """The first of `candidates` that is a folder; SplitMissing naming the first one otherwise."""
    candidates = list(candidates)
    return next((c for c in candidates if c.is_dir()), None) or folder(candidates[0], remedy)


def read_list(path: Path, remedy: str) -> list[str]:
    """The stems of the first word on each line of a split file; AcnetError if it is missing or unreadable."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: list of the split is missing; {remedy}") from error
    except UnicodeDecodeError as error:
        raise AcnetError(f"{path}: not a text file; {remedy}") from error
    return [Path(line.split()[0]).stem for line in lines if line.strip()]


def complete(found: Iterable[Pair], where: Path, remedy: str) -> list[Pair]:
    """The pairs as a list; AcnetError if there are none, or if an image or a label file is missing."""
    found = list(found)
    if not found:
        raise AcnetError(f"{where}: the split is empty; {remedy}")
    for pair in found:
        if not pair.image.is_file():
            raise AcnetError(f"{pair.image}: image is missing; {remedy}")
        if isinstance(pair.label, Path) and not pair.label.is_file():
            raise AcnetError(f"{pair.image}: has no label {pair.label}; {remedy}")
    return found
