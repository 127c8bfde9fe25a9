"""Dataclasses from YAML values, with a one-line error for every mistake."""

import contextlib
import dataclasses
import difflib
import functools
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from acnet.errors import AcnetError
from acnet.files import read_yaml

T = TypeVar("T")
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the closest of `names`, or the list of them."""
    names = [str(n) for n in names]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(sorted(names))}" if names else ""


def limited(
    default: Any = dataclasses.MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    count: int | None = None,
    rising: bool = False,
    distinct: bool = False,
    before: Any = dataclasses.MISSING,
) -> Any:
    """A dataclass field whose value, or whose items, lie within [low, high].

    A list has at least one item, or exactly `count`; it does not fall where `rising`, nor repeat an item where
    `distinct`. A callable `default` makes the default. `before` is the default of a field added to a run's parameters
    later: the value that changes nothing for runs trained before it was added.
    """
    limits = {"low": low, "high": high, "count": count, "rising": rising, "distinct": distinct, "before": before}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=limits)
    return dataclasses.field(default=default if before is dataclasses.MISSING else before, metadata=limits)


def stated(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, without those added later that have the value `before`."""
    return {
        field.name: value
        for field in dataclasses.fields(settings)
        if (value := getattr(settings, field.name)) != field.metadata.get("before", dataclasses.MISSING)
    }


def read_mapping(path: str | Path, names: Iterable[str] | None = None) -> dict:
    """The mapping in a YAML file, parsed once as long as the file is not edited; treat it as read-only.

    AcnetError if the file is missing, broken or no mapping, or has a key that is not among `names`.
    """
    state = Path(path).stat() if Path(path).is_file() else None
    return mapping(_parsed(str(path), state and (state.st_mtime_ns, state.st_size)), str(path), names)


@functools.cache
def _parsed(path: str, state: tuple[int, int] | None) -> Any:
    return read_yaml(path)


def mapping(data: Any, where: str, names: Iterable[str] | None = None) -> dict:
    """`data`, if it is a mapping without a key that is not among `names`; AcnetError, opening with `where`, if not."""
    if not isinstance(data, dict):
        raise AcnetError(f"{where}: expected a mapping, got {_show(data)}")
    for key in data if names is not None else ():
        if key not in names:
            raise AcnetError(f"{where}: unknown key '{key}'{nearest(key, names)}")
    return data


def key_path(where: str, key: Any) -> str:
    """Where a key stands: "file: key", or below another key "file: other.key"."""
    return f"{where}: {key}" if where.endswith(".yaml") else f"{where}.{key}"


def build(cls: type[T], data: Any, where: str) -> T:
    """Make the dataclass `cls` from a mapping; `where` is "file: key" and opens every message.

    Raises AcnetError for an unknown key (naming the nearest valid one), a missing key, a wrong type, or a value outside
    the field's limits or literals, and whatever a method `validate(where)` of `cls` refuses. Where a float is asked, an
    int is taken, and so is the text `1e-2` (a number only in YAML 1.2); nothing else is cast.
    """
    fields = _fields(cls)
    values = {
        key: field_value(cls, key, value, key_path(where, key)) for key, value in mapping(data, where, fields).items()
    }
    for name, (_, field) in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise AcnetError(f"{where}: key '{name}' is missing")
    made = cls(**values)
    if hasattr(cls, "validate"):
        made.validate(where)
    return made


def field_value(cls: type, name: str, value: Any, where: str) -> Any:
    """`value` as the field `name` of the dataclass `cls` takes it; AcnetError, opening with `where`, if it does not."""
    hint, field = _fields(cls)[name]
    value = convert(hint, value, where)
    _check_limits(value, field.metadata, where)
    return value


def among(name: Any, names: Iterable[str], where: str) -> str:
    """`name`, if it is one of `names`; AcnetError otherwise."""
    if convert(str, name, where) not in names:
        raise AcnetError(f"{where}: unknown name '{name}'{nearest(name, names)}")
    return name


def usable(name: Any, where: str) -> str:
    """`name`, if it can be a file's or a folder's name and a word of the command line; AcnetError otherwise."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise AcnetError(f"{where}: {_show(name)} cannot be a name; use letters, digits, _ and -")
    for number in (int, float):  # as Snakemake reads `--config scale=2024_05`
        with contextlib.suppress(ValueError):
            if str(number(name)) != name:
                raise AcnetError(f"{where}: '{name}' is also the number {number(name)}; choose another name")
            break
    return name


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` asks; AcnetError, opening with `where`, if it is not of that type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if not any(value == argument and type(value) is type(argument) for argument in arguments):
            hint_text = nearest(value, arguments) if isinstance(value, str) else f"; known: {list(arguments)}"
            raise AcnetError(f"{where}: {_show(value)} is not valid{hint_text}")
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)
    if origin is dict:
        keys, values = arguments
        return {
            convert(keys, key, f"{where}, key {key}"): convert(values, item, f"{where}.{key}")
            for key, item in mapping(value, where).items()
        }
    if origin is list:
        if not isinstance(value, list):
            raise AcnetError(f"{where}: expected a list, got {_show(value)}")
        return [convert(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value)]
    return _convert_scalar(hint, value, where)


def _convert_union(kinds: tuple, value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = [kind for kind in kinds if kind is not type(None)]
    if len(kinds) == 1:
        return convert(kinds[0], value, where)
    for kind in kinds:
        with contextlib.suppress(AcnetError):
            return convert(kind, value, where)
    raise AcnetError(f"{where}: {_show(value)} is not valid; expected {' or '.join(map(_type_name, kinds))}")


def _convert_scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        remedy = "; put it in quotes" if hint is str and isinstance(value, (bool, int, float)) else ""
        raise AcnetError(f"{where}: expected {_type_name(hint)}, got {_show(value)}{remedy}")
    if isinstance(value, float) and not math.isfinite(value):
        raise AcnetError(f"{where}: expected a finite number, got {value}")
    return value


def _check_limits(value: Any, limits: Mapping, where: str) -> None:
    low, high, count = limits.get("low"), limits.get("high"), limits.get("count")
    if isinstance(value, list) and limits:
        if not value or (count and len(value) != count):
            raise AcnetError(f"{where}: expected {f'{count} numbers' if count else 'at least one item'}, got {value}")
        if limits["rising"] and value != sorted(value):
            raise AcnetError(f"{where}: {value} falls; write the smallest number first")
        if limits["distinct"] and len(set(value)) < len(value):
            raise AcnetError(f"{where}: {value} repeats a number; write each once")
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, (int, float)) or isinstance(item, bool):
            continue
        if (low is not None and item < low) or (high is not None and item > high):
            span = f"at least {low}" if high is None else f"{low} to {high}"
            raise AcnetError(f"{where}: {item} is out of range; expected {span}")


@functools.cache
def _fields(cls: type) -> dict[str, tuple[Any, dataclasses.Field]]:
    """Type and field of each of a dataclass's fields, by name."""
    hints = typing.get_type_hints(cls)
    return {field.name: (hints[field.name], field) for field in dataclasses.fields(cls)}


def _type_name(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    if typing.get_origin(hint) is Literal:
        return " or ".join(repr(a) for a in typing.get_args(hint))
    return names.get(hint, "a list" if typing.get_origin(hint) is list else "a mapping")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
