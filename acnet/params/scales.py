"""A scale: which datasets, backbones, schedules and protocols a campaign uses."""

import dataclasses
import difflib
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.params.schema import among, build, limited, nearest, read_mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of backbone weights at hand, with its SHA-256 and the name it has in reports."""

    file: str
    sha256: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """One file of params/scales/.

    `like` names the scale whose values hold where the file has none, key by key within mappings; `stands_in` says which
    dataset stands in for each of the paper's; `comparable` whether cited absolute numbers may be compared with; `gpus`
    is what one job asks of Snakemake, 0 or 1; every run is trained with `seeds`, some by name with `more_seeds` too;
    `weights` are backbone files that win over the published ImageNet weights where they are at hand. `common`,
    `datasets`, `roles`, `strategies` and `fine_tuning` override the layers of recipe.yaml, `protocols` those of
    protocols.yaml, `runs` what single runs set themselves, all with plain values.
    """

    like: str | None = None
    title: str
    banner: str
    stands_in: dict[str, str]
    tables: list[str]
    figures: list[str]
    comparable: bool
    seeds: list[int] = limited(lambda: [0], low=0, high=2**32 - 1, distinct=True)
    more_seeds: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    gpus: int = limited(0, low=0, high=1)
    pretrained: bool = True
    weights: dict[str, WeightsFile] = dataclasses.field(default_factory=dict)
    common: dict[str, Any] = dataclasses.field(default_factory=dict)
    datasets: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    strategies: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    fine_tuning: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    protocols: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)


def scale_names(params: Path) -> list[str]:
    """The names of the scales under {params}/scales/."""
    return sorted(path.stem for path in (params / "scales").glob("*.yaml"))


def misspelt(target: str, have: Collection[str]) -> str:
    """ "; did you mean 'table3'?" for a target that looks like one of `have`; nothing for table9, which is none."""
    close = difflib.get_close_matches(target, have, n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close and not re.fullmatch(r"(table|figure)\d+", target) else ""


def no_target(target: str, scale: str, have: Collection[str]) -> str:
    """What to say of a target that is not among the tables and figures that a scale has."""
    return f"target '{target}': scale '{scale}' has {', '.join(have)}{misspelt(target, have)}"


def load_scale(params: Path, name: str) -> Scale:
    """Read {params}/scales/{name}.yaml; AcnetError for an unknown scale or a mistake in it or its `like`."""
    if name not in scale_names(params):
        raise AcnetError(f"scale '{name}': {params}/scales/ has no such file{nearest(name, scale_names(params))}")
    return build(Scale, _values(params, name, scale_names(params)), f"{params}/scales/{name}.yaml")


def _values(params: Path, name: str, usable: list[str]) -> dict[str, Any]:
    """What a scale's file says, over what those say that it is like: only the `usable`, so that no circle closes."""
    file = f"{params}/scales/{name}.yaml"
    values = read_mapping(file)
    if values.get("like") is None:
        return values
    others = [other for other in usable if other != name]
    base = among(values["like"], others, f"{file}: like")
    of_base = _values(params, base, others)
    build(Scale, of_base, f"{params}/scales/{base}.yaml")  # a mistake there is one of that file
    return _over(of_base, values)


def _over(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """`values`, and of `base` what they lack; the same within mappings."""
    found = base | values
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            found[key] = _over(base[key], value)
    return found
