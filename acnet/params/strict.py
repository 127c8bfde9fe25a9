"""Plain YAML values into dataclasses, with one clear line for every mistake."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

from acnet.errors import AcnetError

T = TypeVar("T")


def nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the closest of `names`, or the list of them."""
    names = [str(n) for n in names]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(sorted(names))}" if names else ""


def limited(default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None) -> Any:
    """A dataclass field whose value, or whose items, lie within [low, high]."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def build(cls: type[T], data: Any, where: str) -> T:
    """Make the dataclass `cls` from a mapping; `where` is "file: key" and opens every message.

    Raises AcnetError for an unknown key (naming the nearest valid one), a missing key, a wrong type, or a
    value outside the field's limits or literals. Ints are taken where floats are asked; nothing else is cast.
    """
    if not isinstance(data, dict):
        raise AcnetError(f"{where}: expected a mapping, got {_show(data)}")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in data:
        if key not in fields:
            raise AcnetError(f"{where}: unknown key '{key}'{nearest(key, fields)}")
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = convert(hints[name], data[name], f"{where}.{name}")
            _check_limits(values[name], field.metadata, f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise AcnetError(f"{where}: key '{name}' is missing")
    return cls(**values)


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint` asks; AcnetError, opening with `where`, if it is not of that type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if value not in arguments or isinstance(value, bool) != any(value is a for a in (True, False)):
            hint_text = nearest(value, arguments) if isinstance(value, str) else f"; known: {list(arguments)}"
            raise AcnetError(f"{where}: {_show(value)} is not valid{hint_text}")
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise AcnetError(f"{where}: expected a mapping, got {_show(value)}")
        return {k: convert(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
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
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise AcnetError(f"{where}: expected {_type_name(hint)}, got {_show(value)}")
    return value


def _check_limits(value: Any, limits: typing.Mapping, where: str) -> None:
    low, high = limits.get("low"), limits.get("high")
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, (int, float)) or isinstance(item, bool):
            continue
        if (low is not None and item < low) or (high is not None and item > high):
            span = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}"
            raise AcnetError(f"{where}: {item} is out of range; expected {span}")


def _type_name(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
    if typing.get_origin(hint) is Literal:
        return " or ".join(repr(a) for a in typing.get_args(hint))
    return names.get(hint, "a list" if typing.get_origin(hint) is list else "a mapping")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
