"""Parameter values that carry their origin: {value, origin: paper | lineage | ours, note}."""

import dataclasses
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.strict import build, convert


@dataclasses.dataclass(frozen=True)
class Marked:
    """A value of params/ with where it comes from: the recipe's origins, or the scale or run that overrides it."""

    value: Any
    origin: Literal["paper", "lineage", "ours", "scale", "run"]
    note: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.note}" if self.note else self.origin


def marked(data: Any, where: str) -> Marked:
    """Read one {value, origin, note} entry; AcnetError, opening with `where`, if it is not one."""
    if not isinstance(data, dict | None):
        raise AcnetError(f"{where}: expected a mapping, got {data!r}; write {{value: {data!r}, origin: ours}}")
    if isinstance(data, dict) and "origin" in data:
        convert(Literal["paper", "lineage", "ours"], data["origin"], f"{where}.origin")
    return build(Marked, data, where)


def plain(value: Any, whose: Literal["scale", "run"], where: str) -> Marked:
    """Wrap a plain value of a scale or a run; `where` is its place."""
    return Marked(value, whose, where)
