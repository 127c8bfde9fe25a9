"""params.yaml of one run: complete, plain, with the origin of each value as a comment."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import yaml

from acnet.errors import AcnetError
from acnet.files import read_yaml, write_text
from acnet.params.campaign import Resolved
from acnet.params.datasets import READERS
from acnet.params.network import Network
from acnet.params.strict import build, limited
from acnet.params.training import Training


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Init:
    kind: Literal["none", "run", "file", "url"]
    name: str
    run: str | None = None
    file: str | None = None
    url: str | None = None
    sha256: str | None = None


_INIT_NEEDS = {"none": (), "run": ("run",), "file": ("file", "sha256"), "url": ("url", "file", "sha256")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _File:
    scale: str
    run: str
    seed: int = limited(low=0)
    dataset: str
    reader: Literal[READERS]
    classes: int = limited(low=2, high=255)
    train_splits: list[str]
    evaluate_split: str
    model: Network
    init: _Init
    train: Training


def run_folder(results: Path, scale: str, run: str, seed: int) -> Path:
    """Where everything of one run with one seed lies."""
    return results / scale / run / f"seed{seed}"


def write_resolved(resolved: Resolved, file: Path) -> None:
    """Write `resolved` to `file`, each value with its origin behind it."""
    lines = []
    for key, value in resolved.values.items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [_line(f"  {name}", inner, resolved, f"{key}.{name}") for name, inner in value.items()]
        else:
            lines.append(_line(key, value, resolved, key))
    write_text(file, "\n".join(lines) + "\n")


def read_resolved(file: Path) -> dict[str, Any]:
    """The values of a params.yaml, checked; AcnetError for a missing or edited-to-nonsense file."""
    if not file.is_file():
        raise AcnetError(f"{file}: not there; `acnet resolve` writes it")
    values = read_yaml(file)
    settings = build(_File, values, f"{file}")
    for part, cls in (("model", Network), ("train", Training)):
        for field in dataclasses.fields(cls):
            if field.name not in values[part]:
                raise AcnetError(f"{file}.{part}: key '{field.name}' is missing; `acnet resolve` writes the file anew")
    for key in _INIT_NEEDS[settings.init.kind]:
        if getattr(settings.init, key) is None:
            raise AcnetError(f"{file}.init: key '{key}' is missing; `acnet resolve` writes the file anew")
    return values


def _line(key: str, value: Any, resolved: Resolved, name: str) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    text = text.removesuffix("...\n").strip()
    origin = resolved.origins.get(name)
    return f"{key}: {text}  # {origin}" if origin else f"{key}: {text}"
