"""The datasets of params/datasets.yaml."""

import dataclasses
from pathlib import Path
from typing import Literal

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.strict import among, build, limited, mapping, nearest, usable

READERS = ("cityscapes", "ade20k", "pascal_context", "pascal_context60", "cocostuff10k", "camvid")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generate:
    """How a mini dataset is made: `size` is (height, width) in pixels."""

    seed: int = limited(low=0)
    size: list[int] = limited(low=32, high=4096, count=2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset: its reader, its splits (expected images each) and the folders it is looked for in."""

    title: str
    reader: Literal[READERS]
    classes: int = limited(low=2, high=255)
    splits: dict[str, int] = limited(low=1)
    train: str
    evaluate: str
    folders: list[str] = limited()
    environment: str | None = None
    get: str = ""
    generate: Generate | None = None


def load_datasets(params: Path) -> dict[str, Dataset]:
    """Read {params}/datasets.yaml; AcnetError for any mistake in it."""
    file = params / "datasets.yaml"
    datasets = {}
    for name, entry in mapping(read_yaml(file), str(file)).items():
        datasets[usable(name, str(file))] = dataset = build(Dataset, entry, f"{file}: {name}")
        for key in ("train", "evaluate"):
            among(getattr(dataset, key), dataset.splits, f"{file}: {name}.{key}")
    return datasets


def find_dataset(params: Path, name: str) -> Dataset:
    """One entry of datasets.yaml; AcnetError with the nearest name if there is none."""
    datasets = load_datasets(params)
    if name not in datasets:
        raise AcnetError(f"dataset '{name}': {params}/datasets.yaml has no such entry{nearest(name, datasets)}")
    return datasets[name]
