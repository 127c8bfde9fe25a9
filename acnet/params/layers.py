"""Layers of values that override one another, each value with its origin.

A section of recipe.yaml, or of a scale's overrides, is known by its dotted name, such as datasets.ade20k.r101.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.run_matrix import ROLES, STRATEGIES
from acnet.params.schema import build, convert, field_value, key_path, mapping

NETWORK = {field.name: NetworkConfig for field in dataclasses.fields(NetworkConfig)}
TRAINING = {field.name: TrainingConfig for field in dataclasses.fields(TrainingConfig)}
BOTH = {**NETWORK, **TRAINING}
SECTIONS = ("common", "datasets", "roles", "strategies", "fine_tuning")


@dataclasses.dataclass(frozen=True)
class Sourced:
    """A value of params/ with where it comes from: the recipe's origins, or the scale or run that overrides it."""

    value: Any
    origin: Literal["paper", "prior", "ours", "scale", "run"]
    note: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.note}" if self.note else self.origin


Layer = Mapping[str, Sourced]


def sourced_layer(entries: Any, kinds: Mapping[str, type], where: str) -> Layer:
    """A mapping of {value, origin, note}, each checked as the field of its name in the class that `kinds` says."""
    layer = {}
    for key, data in mapping(entries, where, kinds).items():
        here = key_path(where, key)
        if not isinstance(data, dict | None):
            raise AcnetError(f"{here}: expected a mapping, got {data!r}; write {{value: {data!r}, origin: ours}}")
        entry = build(Sourced, data, here)
        convert(Literal["paper", "prior", "ours"], entry.origin, f"{here}.origin")
        layer[key] = dataclasses.replace(entry, value=field_value(kinds[key], key, entry.value, here))
    return layer


def plain_layer(entries: Any, kinds: Mapping[str, type], whose: Literal["scale", "run"], where: str) -> Layer:
    """A layer of plain values, whose origin is the scale or the run that sets them."""
    return {
        key: Sourced(field_value(kinds[key], key, value, f"{where}.{key}"), whose, where)
        for key, value in mapping(entries, where, kinds).items()
    }


def merged(layers: Iterable[Layer], names: Iterable[str], where: str) -> dict[str, Sourced]:
    """The values of all layers, the later winning; AcnetError, opening with `where`, if one of `names` is missing."""
    values = {key: value for layer in layers for key, value in layer.items()}
    for name in names:
        if name not in values:
            raise AcnetError(f"{where}: key '{name}' is missing")
    return values


def sections(top: Mapping[str, Any], datasets: Iterable[str], file: str) -> dict[str, Mapping]:
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
