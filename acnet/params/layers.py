"""The layers of values that a run is put together from: model and recipe, a scale, the run's own entry.

A section of recipe.yaml, or of a scale's overrides, is known by its dotted name, such as datasets.ade20k.r101.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.marked import Marked, marked, plain
from acnet.params.network import NetworkConfig
from acnet.params.runs import ROLES, STRATEGIES, RunEntry
from acnet.params.strict import field_value, known, mapping
from acnet.params.training import TrainingConfig

NETWORK = {field.name: NetworkConfig for field in dataclasses.fields(NetworkConfig)}
TRAINING = {field.name: TrainingConfig for field in dataclasses.fields(TrainingConfig)}
_BOTH = {**NETWORK, **TRAINING}
_SECTIONS = ("common", "datasets", "roles", "strategies", "fine_tuning")

Layer = Mapping[str, Marked]
Kinds = Mapping[str, type]


def marked_layer(entries: Any, kinds: Kinds, where: str) -> Layer:
    """A mapping of {value, origin, note}, each checked as the field of its name in the class that `kinds` says."""
    layer = {}
    known(mapping(entries, where), kinds, where)
    for key, data in entries.items():
        entry = marked(data, f"{where}.{key}")
        layer[key] = dataclasses.replace(entry, value=field_value(kinds[key], key, entry.value, f"{where}.{key}"))
    return layer


def plain_layer(entries: Any, kinds: Kinds, whose: Literal["scale", "run"], where: str) -> Layer:
    """The same of plain values, whose origin is the scale or the run that sets them."""
    known(mapping(entries, where), kinds, where)
    return {
        key: plain(field_value(kinds[key], key, value, f"{where}.{key}"), whose, where)
        for key, value in entries.items()
    }


def model_layer(params: Path) -> Layer:
    """{params}/model.yaml, which sets every parameter of a network."""
    file = f"{params}/model.yaml"
    layer = marked_layer(read_yaml(file), NETWORK, file)
    for key in NETWORK:
        if key not in layer:
            raise AcnetError(f"{file}: key '{key}' is missing")
    return layer


def recipe_layers(params: Path) -> tuple[tuple[str, ...], dict[str, Layer]]:
    """The datasets that {params}/recipe.yaml knows, and its sections by dotted name."""
    file = f"{params}/recipe.yaml"
    recipe = mapping(read_yaml(file), file)
    known(recipe, _SECTIONS, file)
    for section in _SECTIONS:
        if section not in recipe:
            raise AcnetError(f"{file}: key '{section}' is missing")
    datasets = tuple(mapping(recipe["datasets"], f"{file}: datasets"))
    sections = _sections(recipe, datasets, file)
    return datasets, {name: marked_layer(entries, _BOTH, f"{file}: {name}") for name, entries in sections.items()}


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
    """All sections by dotted name, whether a run meets them or not; AcnetError for a name that none can meet."""
    found = {"common": top["common"]}
    for group, names in (
        ("datasets", datasets),
        ("roles", ROLES),
        ("strategies", STRATEGIES),
        ("fine_tuning", datasets),
    ):
        where = f"{file}: {group}"
        known(mapping(top[group], where), names, where)
        found |= {f"{group}.{name}": mapping(section, f"{where}.{name}") for name, section in top[group].items()}
    for name in datasets:
        section = found.get(f"datasets.{name}", {})
        found |= {f"datasets.{name}.{role}": section[role] for role in ROLES if role in section}
        found[f"datasets.{name}"] = {key: value for key, value in section.items() if key not in ROLES}
    return found
