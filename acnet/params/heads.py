"""The heads of params/heads.yaml: the parameters of each, whose types are those of the values there."""

import dataclasses
import keyword
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.params.config import REPLACED_BY_A_HEAD
from acnet.params.layers import Layer, Sourced, merged, plain_layer, sourced_layer
from acnet.params.schema import among, key_path, limited, mapping, read_mapping, usable

REPLACED = {
    name: Sourced(value, "ours", "the head replaces ACNet's blocks") for name, value in REPLACED_BY_A_HEAD.items()
}
_TRUST = ("paper", "prior", "ours", "scale", "run")


def load_heads(params: Path) -> dict[str, Layer]:
    """The parameters of each head with their origins; AcnetError for any mistake in {params}/heads.yaml."""
    file = f"{params}/heads.yaml"
    heads = {usable(name, file): mapping(entries, f"{file}: {name}") for name, entries in read_mapping(file).items()}
    for name, entries in heads.items():
        for key in entries:
            if not str(key).isidentifier() or keyword.iskeyword(str(key)):
                raise AcnetError(f"{file}: {name}: '{key}' cannot name a parameter; use letters, digits and _")
    return {
        name: sourced_layer(entries, _kinds({key: _value(entry) for key, entry in entries.items()}), f"{file}: {name}")
        for name, entries in heads.items()
    }


def head_options(heads: Mapping[str, Layer], head: Sourced, own: Sourced) -> Sourced:
    """All parameters of `head`, those that `own` gives replaced; AcnetError for a head or parameter that is not known.

    Their origin is the least certain among those of the parameters, and the note names that of each.
    """
    usual = heads[among(head.value, heads, key_path(head.note, "head"))]
    kinds = _kinds({key: entry.value for key, entry in usual.items()})
    changed = plain_layer(own.value or {}, kinds, own.origin, key_path(own.note, "head_options"))
    options = merged([usual, changed], usual, own.note)
    origin = max((entry.origin for entry in options.values()), key=_TRUST.index, default="paper")
    note = "; ".join(f"{key} ({entry})" for key, entry in options.items())
    return Sourced({key: entry.value for key, entry in options.items()}, origin, note)


def _kinds(values: Mapping[str, Any]) -> dict[str, type]:
    """For each name, a dataclass whose field of that name has the type of the given value.

    Integers must be at least 1, other numbers at least 0.
    """
    hints = {
        key: list[type(next(iter(value), 0))] if isinstance(value, list) else type(value)
        for key, value in values.items()
    }
    low = {key: 1 if hint in (int, list[int]) else 0 for key, hint in hints.items()}
    cls = dataclasses.make_dataclass("Options", [(key, hint, limited(low=low[key])) for key, hint in hints.items()])
    return dict.fromkeys(values, cls)


def _value(entry: Any) -> Any:
    return entry.get("value") if isinstance(entry, dict) else entry
