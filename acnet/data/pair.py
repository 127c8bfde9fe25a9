"""One image with its label, and what the readers of all datasets share."""

import dataclasses
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import visible

_SUFFIXES = (".jpg", ".jpeg", ".png", ".mat")
# A name may hold spaces, and so may its folders: it ends at the first suffix.
_LISTED = re.compile(rf'([^/\\\t"]+?)(?:{"|".join(map(re.escape, _SUFFIXES))})(?=[\s"\',;]|$)', re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image file and where its label comes from: a file, the masks of a JSON, or None for a test image."""

    name: str
    image: Path
    label: Any


class SplitMissing(AcnetError):
    """A whole split is not on disk."""


def folder(path: Path, remedy: str) -> Path:
    """`path` if it is a folder; SplitMissing with the remedy otherwise."""
    return first_folder([path], remedy)


def first_folder(candidates: Iterable[Path], remedy: str) -> Path:
    """The first of `candidates` that is a folder; SplitMissing naming the first one otherwise."""
    candidates = list(candidates)
    for path in filter(Path.is_dir, candidates):
        return path
    raise SplitMissing(f"{candidates[0]}: folder is missing; {remedy}")


class Files(dict[str, Path]):
    """The images or labels in a folder by stem; of another stem, where its file would lie.

    The suffix may be any of an image, in any case: of two files with one stem that with `suffix` is taken.
    Stems are in Unicode's composed form (NFC), whatever the file system's. A name that is not UTF-8 is an
    AcnetError.
    """

    def __init__(self, folder: Path, suffix: str):
        self._folder, self._suffix = folder, suffix
        for path in visible(folder) if folder.is_dir() else ():
            if path.suffix.lower() in _SUFFIXES:
                stem = unicodedata.normalize("NFC", path.stem)
                if stem.encode(errors="ignore").decode() != stem:
                    shown = os.fsencode(path).decode(errors="backslashreplace")
                    raise AcnetError(f"{shown}: this file's name is not UTF-8; rename it and its label")
                if stem not in self or path.suffix.lower() == suffix:
                    self[stem] = path

    def __missing__(self, stem: str) -> Path:
        return self._folder / f"{stem}{self._suffix}"


def read_lines(path: Path, remedy: str) -> list[str]:
    """The lines of a text file that are not blank, stripped; AcnetError if it is missing or not UTF-8."""
    try:
        text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise AcnetError(f"{path}: list of the split is missing; {remedy}") from error
    except UnicodeDecodeError as error:
        raise AcnetError(f"{path}: not a text file in UTF-8; save it as one") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_list(path: Path, remedy: str) -> list[str]:
    """The stem of the first file that each line of a split's list names, or the line's first word without a suffix."""
    return [listed(line) for line in read_lines(path, remedy)]


def listed(line: str) -> str:
    """The stem that a line of a split's list names."""
    found = _LISTED.search(line)
    return (found[1] if found else re.split(r"[/\\]", re.split(r"[\s,;]", line)[0])[-1]).strip(" \"'")


@dataclasses.dataclass(frozen=True)
class Listing:
    """The pairs of a split that should be there, by its list or folders (`where`), whether or not the files are."""

    pairs: list[Pair]
    where: Path
    remedy: str

    def complete(self) -> list[Pair]:
        """The pairs; AcnetError if there are none, one is there twice, or an image or a label file is missing."""
        if not self.pairs:
            raise AcnetError(f"{self.where}: the split is empty; {self.remedy}")
        for problem in (*self.repeated(), *(f"{problem}; {self.remedy}" for _, problem in self.incomplete())):
            raise AcnetError(problem)
        return self.pairs

    def repeated(self) -> list[str]:
        """What is wrong with each image that is listed more than once."""
        counts = Counter((pair.name, pair.image) for pair in self.pairs)
        return [
            f"{self.where}: lists {name} {count} times; list each image once"
            for (name, _), count in counts.items()
            if count > 1
        ]

    def incomplete(self) -> Iterator[tuple[Pair, str]]:
        """(pair, which file is missing) of each pair that is not there in full."""
        for pair in self.pairs:
            if not pair.image.is_file():
                yield pair, f"{pair.image}: image is missing"
            elif isinstance(pair.label, Path) and not pair.label.is_file():
                yield pair, f"{pair.image}: has no label {pair.label}"
