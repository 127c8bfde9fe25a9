"""The datasets of params/datasets.yaml."""

import dataclasses
import re
from pathlib import Path
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.schema import among, build, limited, nearest, read_mapping, usable

EXTRACTED = "extracted.json"  # in the folder of a dataset whose archives were extracted here
DIGESTS = {"md5": 32, "sha1": 40, "sha256": 64}
READERS = ("cityscapes", "ade20k", "pascal_context", "pascal_context60", "cocostuff10k", "camvid", "folders")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generate:
    """How a generated dataset is made: `size` is (height, width) in pixels."""

    seed: int = limited(low=0)
    size: list[int] = limited(low=32, high=4096, count=2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Archive:
    """One file to download, with what it must be: published checksums, or none.

    `urls` are addresses in order. `path` names a copy already at hand. With `instead_of` it stands in where that
    archive cannot be had; without `needed` its lack is only noted. `unpacked` bounds the bytes it may unpack to.
    """

    file: str
    urls: list[str] = dataclasses.field(default_factory=list)
    access: Literal["open", "login"] = "open"
    path: str | None = None
    bytes: int | None = limited(None, low=1)
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    unpacked: int | None = limited(None, low=1)
    needed: bool = True
    instead_of: str | None = None

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, for a name or a checksum that cannot be one."""
        if Path(self.file).name != self.file or self.file.startswith("."):
            raise AcnetError(f"{where}.file: '{self.file}' is not a plain file name")
        for kind, digits in DIGESTS.items():
            value = getattr(self, kind)
            if value is not None and not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
                raise AcnetError(f"{where}.{kind}: '{value}' is not a {kind} ({digits} digits 0-9a-f)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset: its reader, its splits (expected images each), the folders it is looked for in, and its archives.

    Fine-tuning learns from `train` and `fine_tune` (None: `evaluate`). `class_colours` are the names of the classes
    with their RGB, in the order of the train ids, for the reader `folders`; the other readers know theirs.
    Images are not independent where the group of the regular expression `blocks` matches the same text in their names.
    Most images are of `image_size` (height, width): for estimates, before a dataset is prepared.
    """

    title: str
    reader: Literal[READERS]
    classes: int = limited(low=2, high=255)
    class_colours: dict[str, list[int]] | None = None
    class_groups: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    splits: dict[str, int] = limited(low=1)
    image_size: list[int] | None = limited(None, low=1, count=2)
    train: str
    evaluate: str
    fine_tune: str | None = None
    blocks: str | None = None
    folders: list[str] = limited()
    environment: str | None = None
    get: str = ""
    generate: Generate | None = None
    archives: list[Archive] = dataclasses.field(default_factory=list)

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, for a split or an archive that there is not."""
        for key in ("train", "evaluate", "fine_tune"):
            if (split := getattr(self, key)) is not None:
                among(split, self.splits, f"{where}.{key}")
        if self.reader == "folders" and len(self.class_colours or ()) != self.classes:
            raise AcnetError(f"{where}.class_colours: {len(self.class_colours or ())} names for {self.classes} classes")
        for name, colour in (self.class_colours or {}).items():
            if len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
                raise AcnetError(
                    f"{where}.class_colours.{name}: {colour} is not RGB; write three numbers from 0 to 255"
                )
        for group, names in self.class_groups.items():
            here = f"{where}.class_groups.{group}"
            if not names:
                raise AcnetError(f"{here}: names no class")
            for name in names if self.class_colours else ():
                among(name, self.class_colours, here)
        if self.blocks is not None:
            _one_group(self.blocks, f"{where}.blocks")
        files = [archive.file for archive in self.archives]
        for i, archive in enumerate(self.archives):
            here = f"{where}.archives[{i}]"
            if files.count(archive.file) > 1:
                raise AcnetError(f"{here}.file: '{archive.file}' is listed twice")
            if archive.instead_of is not None and archive.instead_of not in files[:i]:
                hint = nearest(archive.instead_of, files[:i])
                raise AcnetError(f"{here}.instead_of: '{archive.instead_of}' is not listed before it{hint}")

    def facts(self) -> dict[str, Any]:
        """What decides the pixels of the prepared dataset, beside its files, as plain values; no names of classes."""
        values = dataclasses.asdict(self)
        return {key: values[key] for key in ("reader", "classes", "splits", "generate")}


def _one_group(pattern: str, where: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise AcnetError(f"{where}: '{pattern}' is not a regular expression: {error}") from error
    if groups != 1:
        raise AcnetError(f"{where}: '{pattern}' needs one group, such as ^([^_]+)_; it has {groups}")


def load_datasets(params: Path) -> dict[str, Dataset]:
    """Read {params}/datasets.yaml; AcnetError for any mistake in it."""
    file = f"{params}/datasets.yaml"
    return {usable(name, file): build(Dataset, entry, f"{file}: {name}") for name, entry in read_mapping(file).items()}


def find_dataset(params: Path, name: str) -> Dataset:
    """One entry of datasets.yaml; AcnetError with the nearest name if there is none."""
    datasets = load_datasets(params)
    if name not in datasets:
        raise AcnetError(f"dataset '{name}': {params}/datasets.yaml has no such entry{nearest(name, datasets)}")
    return datasets[name]
