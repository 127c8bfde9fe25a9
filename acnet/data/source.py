"""Where a dataset lies on this machine."""

import os
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import visible


def own_folder(dataset: Any, root: Path = Path(".")) -> Path | None:
    """The folder of a dataset: the environment variable's, else the first of `dataset.folders` that is not empty.

    Raises AcnetError if the variable names no folder.
    """
    value = os.environ.get(dataset.environment) if dataset.environment else None
    if value:
        if not Path(value).is_dir():
            raise AcnetError(
                f"{dataset.environment}={value}: no such folder; let it name the folder of {dataset.title}"
            )
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
