"""One image with its label, and the checks that all readers share."""

import dataclasses
from collections.abc import Iterable, Iterator
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


@dataclasses.dataclass(frozen=True)
class Listing:
    """The pairs of a split that should be there, by its list or folders (`where`), whether or not the files are."""

    pairs: list[Pair]
    where: Path
    remedy: str

    def complete(self) -> list[Pair]:
        """The pairs; AcnetError if there are none, or if an image or a label file is missing."""
        if not self.pairs:
            raise AcnetError(f"{self.where}: the split is empty; {self.remedy}")
        for _, lack in self.lacking():
            raise AcnetError(f"{lack}; {self.remedy}")
        return self.pairs

    def lacking(self) -> Iterator[tuple[Pair, str]]:
        """(pair, what it lacks) of each incomplete pair."""
        for pair in self.pairs:
            if not pair.image.is_file():
                yield pair, f"{pair.image}: image is missing"
            elif isinstance(pair.label, Path) and not pair.label.is_file():
                yield pair, f"{pair.image}: has no label {pair.label}"
