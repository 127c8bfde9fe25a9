"""The run matrix of params/runs.yaml: which networks are trained."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.schema import among, build, mapping, read_mapping, usable

STRATEGIES = ("multi_grid", "random_scale", "ohem")
ROLES = ("r50", "r101")
_KEYS = ("dataset", "role", "strategies", "fine_tune")
_TRAINING = [field.name for field in dataclasses.fields(TrainingConfig)]
_NAMES = [*_KEYS, *(field.name for field in dataclasses.fields(NetworkConfig)), *_TRAINING]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunEntry:
    """One entry of runs.yaml: what differs from the recipe, `own` being the parameters that it sets itself."""

    dataset: str
    role: Literal[ROLES]
    strategies: list[Literal[STRATEGIES]] = dataclasses.field(default_factory=list)
    fine_tune: str | None = None
    own: dict[str, Any]

    def stages(self) -> list[list[str]]:
        """The dotted names of the sections that the run takes, the later winning, in stages.

        Within a stage a scale's override wins over every section of recipe.yaml, but not over a later stage's.
        """
        names = ["common", f"datasets.{self.dataset}", f"datasets.{self.dataset}.{self.role}", f"roles.{self.role}"]
        names += [f"strategies.{strategy}" for strategy in self.strategies]
        return [names, [f"fine_tuning.{self.dataset}"]] if self.fine_tune else [names]


def load_runs(params: Path, datasets: Collection[str]) -> dict[str, RunEntry]:
    """Read {params}/runs.yaml, whose runs use the recipes of `datasets`; AcnetError for any mistake in it."""
    file = f"{params}/runs.yaml"
    entries = {
        usable(name, file): mapping(entry, f"{file}: {name}", _NAMES) for name, entry in read_mapping(file).items()
    }
    runs = {}
    for name, written in entries.items():
        where = f"{file}: {name}"
        entry = _inherited(written, entries, where)
        parts = {key: value for key, value in entry.items() if key in _KEYS}
        own = {key: value for key, value in entry.items() if key not in _KEYS}
        runs[name] = build(RunEntry, {**parts, "own": own}, where)
        among(runs[name].dataset, datasets, f"{where}.dataset")
    return runs


def _inherited(entry: dict, entries: dict[str, dict], where: str) -> dict:
    """A fine-tuned run has the network of the run that it starts from, and that run's dataset, role and strategies."""
    name = entry.get("fine_tune")
    if name is None:
        return entry
    source = entries[among(name, entries, f"{where}.fine_tune")]
    if source.get("fine_tune") is not None:
        raise AcnetError(f"{where}.fine_tune: '{name}' is itself fine-tuned")
    dataset = source.get("dataset")
    if dataset and entry.get("dataset", dataset) != dataset:
        raise AcnetError(f"{where}.fine_tune: '{name}' is trained on {dataset}, not on {entry['dataset']}")
    return {key: value for key, value in source.items() if key not in _TRAINING} | entry
