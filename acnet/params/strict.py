"""Plain YAML values into dataclasses, with one clear line for every mistake."""

import dataclasses
import difflib
import functools
import math
import re
import types
import typing
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

from acnet.errors import AcnetError

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
    before: Any = dataclasses.MISSING,
) -> Any:
    """A dataclass field whose value, or whose items, lie within [low, high].

    A list of it has at least one item, or exactly `count`, and does not fall where `rising`. `before` is the default of
    a field added to a run's parameters later: the value that changes nothing for runs trained before it was added.
    """
    limits = {"low": low, "high": high, "count": count, "rising": rising, "before": before}
    return dataclasses.field(default=default if before is dataclasses.MISSING else before, metadata=limits)


def build(cls: type[T], data: Any, where: str) -> T:
    """Make the dataclass `cls` from a mapping; `where` is "file: key" and opens every message.

    Raises AcnetError for an unknown key (naming the nearest valid one), a missing key, a wrong type, or a value outside
    the field's limits or literals, and whatever a method `check(where)` of `cls` refuses. Where a float is asked, an
    int is taken, and so is the text `1e-2` (a number only in YAML 1.2); nothing else is cast.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    known(mapping(data, where), fields, where)
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = field_value(cls, name, data[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise AcnetError(f"{where}: key '{name}' is missing")
    made = cls(**values)
    if hasattr(cls, "check"):
        made.check(where)
    return made


def field_value(cls: type, name: str, value: Any, where: str) -> Any:
    """`value` as the field `name` of the dataclass `cls` takes it; AcnetError, opening with `where`, if it does not."""
    value = convert(_hints(cls)[name], value, where)
    _check_limits(value, _metadata(cls)[name], where)
    return value


def mapping(data: Any, where: str) -> dict:
    """`data`, if it is a mapping; AcnetError otherwise."""
    if not isinstance(data, dict):
        raise AcnetError(f"{where}: expected a mapping, got {_show(data)}")
    return data


def known(entries: Iterable, names: Iterable[str], where: str) -> None:
    """AcnetError for the first key of `entries` that is not among `names`."""
    for key in entries:
        if key not in names:
            raise AcnetError(f"{where}: unknown key '{key}'{nearest(key, names)}")


def among(name: Any, names: Iterable[str], where: str) -> str:
    """`name`, if it is one of `names`; AcnetError otherwise."""
    if not isinstance(name, str):
        raise AcnetError(f"{where}: expected a text, got {_show(name)}")
    if name not in names:
        raise AcnetError(f"{where}: unknown name '{name}'{nearest(name, names)}")
    return name


def usable(name: Any, where: str) -> str:
    """`name`, if it can be a file's or a folder's name and a word of the command line; AcnetError otherwise."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise AcnetError(f"{where}: {_show(name)} cannot be a name; use letters, digits, _ and -")
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


def _convert_union(arguments: tuple, value: Any, where: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    errors = []
    for argument in arguments:
        if argument is type(None):
            continue
        try:
            return convert(argument, value, where)
        except AcnetError as error:
            errors.append(str(error))
    if len(errors) == 1:
        raise AcnetError(errors[0])
    raise AcnetError(f"{where}: {_show(value)} is not valid; expected {' or '.join(map(_type_name, arguments))}")


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


def _check_limits(value: Any, limits: typing.Mapping, where: str) -> None:
    low, high, count = limits.get("low"), limits.get("high"), limits.get("count")
    if isinstance(value, list) and "count" in limits:
        if not value or (count and len(value) != count):
            raise AcnetError(f"{where}: expected {f'{count} numbers' if count else 'at least one item'}, got {value}")
        if limits.get("rising") and value != sorted(value):
            raise AcnetError(f"{where}: {value} runs downwards; expected the smaller number first")
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, (int, float)) or isinstance(item, bool):
            continue
        if (low is not None and item < low) or (high is not None and item > high):
            span = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}"
            raise AcnetError(f"{where}: {item} is out of range; expected {span}")


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


@functools.cache
def _metadata(cls: type) -> dict[str, typing.Mapping]:
    return {field.name: field.metadata for field in dataclasses.fields(cls)}


def _type_name(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
    if typing.get_origin(hint) is Literal:
        return " or ".join(repr(a) for a in typing.get_args(hint))
    return names.get(hint, "a list" if typing.get_origin(hint) is list else "a mapping")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
