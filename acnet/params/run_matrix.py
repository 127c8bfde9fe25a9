"""The run matrix of params/runs.yaml: which networks are trained."""

import dataclasses
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.schema import among, convert, mapping, read_mapping, usable

STRATEGIES = ("multi_grid", "random_scale", "ohem")
ROLES = ("r50", "r101")
_KEYS = ("dataset", "role", "strategies", "fine_tune")
_TRAINED = tuple(field.name for field in dataclasses.fields(TrainingConfig))
_NAMES = _KEYS + tuple(field.name for field in dataclasses.fields(NetworkConfig)) + _TRAINED


@dataclasses.dataclass(frozen=True)
class RunEntry:
    """One entry of runs.yaml: what differs from the recipe."""

    name: str
    dataset: str
    role: str
    strategies: tuple[str, ...]
    fine_tune: str | None
    own: dict[str, Any]


def load_runs(params: Path, datasets: tuple[str, ...]) -> dict[str, RunEntry]:
    """Read {params}/runs.yaml, whose runs use the recipes of `datasets`; AcnetError for any mistake in it."""
    file = f"{params}/runs.yaml"
    entries = {
        usable(name, file): mapping(entry, f"{file}: {name}", _NAMES) for name, entry in read_mapping(file).items()
    }
    return {name: _run(name, entries, datasets, f"{file}: {name}") for name in entries}


def _run(name: str, entries: dict[str, dict], datasets: tuple[str, ...], where: str) -> RunEntry:
    entry = _inherited(entries[name], entries, where)
    for key in ("dataset", "role"):
        if key not in entry:
            raise AcnetError(f"{where}: key '{key}' is missing")
    strategies = convert(list[str], entry.get("strategies", []), f"{where}.strategies")
    return RunEntry(
        name,
        among(entry["dataset"], datasets, f"{where}.dataset"),
        among(entry["role"], ROLES, f"{where}.role"),
        tuple(among(strategy, STRATEGIES, f"{where}.strategies") for strategy in strategies),
        entry.get("fine_tune"),
        {key: value for key, value in entry.items() if key not in _KEYS},
    )


def _inherited(entry: dict, entries: dict[str, dict], where: str) -> dict:
    """A fine-tuned run is the network it comes from: whatever makes that one different makes it so too."""
    name = entry.get("fine_tune")
    if name is None:
        return entry
    source = entries[among(name, entries, f"{where}.fine_tune")]
    if source.get("fine_tune") is not None:
        raise AcnetError(f"{where}.fine_tune: '{name}' is itself fine-tuned")
    if entry.get("dataset", source.get("dataset")) != source.get("dataset"):
        raise AcnetError(f"{where}.fine_tune: '{name}' is trained on {source['dataset']}, not on {entry['dataset']}")
    return {key: value for key, value in source.items() if key not in _TRAINED} | entry
