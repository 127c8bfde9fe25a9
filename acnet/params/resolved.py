"""params.yaml of one run: complete, plain, with the origin of each value as a comment."""

from pathlib import Path
from typing import Any

import yaml

from acnet.errors import AcnetError
from acnet.files import read_yaml, write_text
from acnet.params.campaign import Resolved
from acnet.params.network import Network
from acnet.params.strict import build
from acnet.params.training import Training


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
    values = read_yaml(file)
    expected = ("scale", "run", "seed", "dataset", "reader", "classes", "train_splits", "evaluate_split")
    for key in (*expected, "model", "init", "train"):
        if not isinstance(values, dict) or key not in values:
            raise AcnetError(f"{file}: key '{key}' is missing; `acnet resolve` writes the file anew")
    build(Network, values["model"], f"{file}: model")
    build(Training, values["train"], f"{file}: train")
    return values


def _line(key: str, value: Any, resolved: Resolved, name: str) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    text = text.removesuffix("...\n").strip()
    origin = resolved.origins.get(name)
    return f"{key}: {text}  # {origin}" if origin else f"{key}: {text}"
