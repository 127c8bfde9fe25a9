"""The layers of values that a run is put together from: model and recipe, a scale, the run's own entry.

A section of recipe.yaml, or of a scale's overrides, is known by its dotted name, such as datasets.ade20k.r101.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.run_matrix import ROLES, STRATEGIES, RunEntry
from acnet.params.schema import build, convert, field_value, mapping, place, read_mapping

NETWORK = {field.name: NetworkConfig for field in dataclasses.fields(NetworkConfig)}
TRAINING = {field.name: TrainingConfig for field in dataclasses.fields(TrainingConfig)}
_BOTH = {**NETWORK, **TRAINING}
_SECTIONS = ("common", "datasets", "roles", "strategies", "fine_tuning")


@dataclasses.dataclass(frozen=True)
class Sourced:
    """A value of params/ with where it comes from: the recipe's origins, or the scale or run that overrides it."""

    value: Any
    origin: Literal["paper", "lineage", "ours", "scale", "run"]
    note: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.note}" if self.note else self.origin


Layer = Mapping[str, Sourced]


def sourced_layer(entries: Any, kinds: Mapping[str, type], where: str) -> Layer:
    """A mapping of {value, origin, note}, each checked as the field of its name in the class that `kinds` says."""
    layer = {}
    for key, data in mapping(entries, where, kinds).items():
        here = place(where, key)
        if not isinstance(data, dict | None):
            raise AcnetError(f"{here}: expected a mapping, got {data!r}; write {{value: {data!r}, origin: ours}}")
        entry = build(Sourced, data, here)
        convert(Literal["paper", "lineage", "ours"], entry.origin, f"{here}.origin")
        layer[key] = dataclasses.replace(entry, value=field_value(kinds[key], key, entry.value, here))
    return layer


def plain_layer(entries: Any, kinds: Mapping[str, type], whose: Literal["scale", "run"], where: str) -> Layer:
    """The same of plain values, whose origin is the scale or the run that sets them."""
    return {
        key: Sourced(field_value(kinds[key], key, value, f"{where}.{key}"), whose, where)
        for key, value in mapping(entries, where, kinds).items()
    }


def model_layer(params: Path) -> Layer:
    """{params}/model.yaml, which sets every parameter of a network."""
    file = f"{params}/model.yaml"
    layer = sourced_layer(read_mapping(file), NETWORK, file)
    complete(layer, NETWORK, file)
    return layer


def complete(entries: Mapping[str, Any], names: Mapping[str, Any], where: str) -> None:
    """AcnetError, opening with `where`, for the first of `names` that `entries` lack."""
    for name in names:
        if name not in entries:
            raise AcnetError(f"{where}: key '{name}' is missing")


def recipe_layers(params: Path) -> tuple[tuple[str, ...], dict[str, Layer]]:
    """The datasets that {params}/recipe.yaml knows, and its sections by dotted name."""
    file = f"{params}/recipe.yaml"
    recipe = read_mapping(file, _SECTIONS)
    complete(recipe, dict.fromkeys(_SECTIONS), file)
    datasets = tuple(mapping(recipe["datasets"], f"{file}: datasets"))
    sections = _sections(recipe, datasets, file)
    return datasets, {name: sourced_layer(entries, _BOTH, f"{file}: {name}") for name, entries in sections.items()}


def scale_layers(scale: object, datasets: tuple[str, ...], file: str) -> dict[str, Layer]:
    """The sections that a scale, read from `file`, overrides, by dotted name."""
    sections = _sections({name: getattr(scale, name) for name in _SECTIONS}, datasets, file)
    return {name: plain_layer(entries, _BOTH, "scale", f"{file}: {name}") for name, entries in sections.items()}


def own_layer(run: RunEntry, params: Path) -> Layer:
    """What a run's entry in {params}/runs.yaml sets."""
    return plain_layer(run.own, _BOTH, "run", f"{params}/runs.yaml: {run.name}")


def stages_of(run: RunEntry) -> list[list[str]]:
    """The dotted names of the sections that a run takes, the later winning, in stages.

    Within a stage a scale's override wins over every section of recipe.yaml, but not over a later stage's.
    """
    names = ["common", f"datasets.{run.dataset}", f"datasets.{run.dataset}.{run.role}", f"roles.{run.role}"]
    names += [f"strategies.{strategy}" for strategy in run.strategies]
    return [names, [f"fine_tuning.{run.dataset}"]] if run.fine_tune else [names]


def _sections(top: Mapping[str, Any], datasets: tuple[str, ...], file: str) -> dict[str, Mapping]:
    """All sections by dotted name, whether a run uses them or not; AcnetError for a name that none can use."""
    found = {"common": top["common"]}
    groups = {"datasets": datasets, "roles": ROLES, "strategies": STRATEGIES, "fine_tuning": datasets}
    for group, names in groups.items():
        where = f"{file}: {group}"
        for name, section in mapping(top[group], where, names).items():
            found[f"{group}.{name}"] = mapping(section, f"{where}.{name}")
    for name in datasets:
        section = found.get(f"datasets.{name}", {})
        found |= {f"datasets.{name}.{role}": section[role] for role in ROLES if role in section}
        found[f"datasets.{name}"] = {key: value for key, value in section.items() if key not in ROLES}
    return found
