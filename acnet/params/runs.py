"""The run matrix of params/runs.yaml: which networks are trained."""

import dataclasses
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.network import Network
from acnet.params.strict import among, known, mapping, usable
from acnet.params.training import Training

STRATEGIES = ("multi_grid", "random_scale", "ohem")
ROLES = ("r50", "r101")
_KEYS = ("dataset", "role", "strategies", "fine_tune")
_NAMES = _KEYS + tuple(field.name for cls in (Network, Training) for field in dataclasses.fields(cls))


@dataclasses.dataclass(frozen=True)
class Run:
    """One entry of runs.yaml: what differs from the recipe."""

    name: str
    dataset: str
    role: str
    strategies: tuple[str, ...]
    fine_tune: str | None
    own: dict[str, Any]


def load_runs(params: Path, datasets: tuple[str, ...]) -> dict[str, Run]:
    """Read {params}/runs.yaml, whose runs use the recipes of `datasets`; AcnetError for any mistake in it."""
    file = params / "runs.yaml"
    runs = {
        usable(name, str(file)): _run(name, mapping(entry, f"{file}: {name}"), datasets, f"{file}: {name}")
        for name, entry in mapping(read_yaml(file), str(file)).items()
    }
    for run in runs.values():
        if run.fine_tune is not None:
            _check_source(run, runs, f"{file}: {run.name}.fine_tune")
    return runs


def _run(name: str, entry: dict, datasets: tuple[str, ...], where: str) -> Run:
    known(entry, _NAMES, where)
    for key in ("dataset", "role"):
        if key not in entry:
            raise AcnetError(f"{where}: key '{key}' is missing")
    strategies = entry.get("strategies", [])
    if not isinstance(strategies, list):
        raise AcnetError(f"{where}.strategies: expected a list, got {strategies!r}")
    return Run(
        name,
        among(entry["dataset"], datasets, f"{where}.dataset"),
        among(entry["role"], ROLES, f"{where}.role"),
        tuple(among(strategy, STRATEGIES, f"{where}.strategies") for strategy in strategies),
        entry.get("fine_tune"),
        {key: value for key, value in entry.items() if key not in _KEYS},
    )


def _check_source(run: Run, runs: dict[str, Run], where: str) -> None:
    source = runs[among(run.fine_tune, runs, where)]
    if source.fine_tune is not None:
        raise AcnetError(f"{where}: '{source.name}' is itself fine-tuned")
    if source.dataset != run.dataset:
        raise AcnetError(f"{where}: '{source.name}' is trained on {source.dataset}, not on {run.dataset}")
