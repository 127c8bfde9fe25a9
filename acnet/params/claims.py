"""params/claims.yaml as dataclasses: the paper's statements as checks over table cells."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from acnet.errors import AcnetError
from acnet.params.protocols import protocol_names
from acnet.params.schema import among, build, limited, read_mapping
from acnet.params.tables import Tables

CellName = tuple[str, str, str]
# By check, the fewest and the most cells of a group, and runs.
_CELLS = {
    **dict.fromkeys(("greater", "equal"), (2, 2)),
    **dict.fromkeys(("best", "monotone"), (2, 99)),
    "more_gain": (4, 4),
    "reached": (1, 1),
}
_RUNS = {"greater_in": (2, 99), "gated_gains": (3, 3)}
_NEEDS = {
    **dict.fromkeys(_CELLS, ("cells",)),
    "count_best": ("row", "count"),
    "greater_in": ("runs", "parts", "protocol"),
    "class_gains": ("figure",),
    "gated_gains": ("runs", "protocol"),
    "gate_range": ("figure",),
    "local_gate_range": ("figure",),
    "learned": ("run",),
    "gate_contrasts": ("run",),
    "none": ("reason",),
}


@dataclasses.dataclass(frozen=True)
class Claim:
    """One statement of the paper and the check that decides it; params/claims.yaml explains kinds and checks."""

    statement: str
    where: str
    kind: Literal["stated", "derived", "control", "by construction"]
    check: Literal[tuple(_NEEDS)]
    primary: bool = False
    cells: list[list[str]] | None = limited(None)
    row: str | None = None
    count: int | None = limited(None, low=1)
    figure: str | None = None
    run: str | None = None
    runs: list[str] | None = None
    parts: list[Literal["all", "small", "large", "edges"]] | None = limited(None)
    protocol: str | None = None
    reason: str | None = None
    note: str | None = None

    def groups(self, tables: Tables) -> list[list[CellName]]:
        """The cells as (table, row, column), with `*` replaced by the column's cited rows."""
        return [[name for cell in group for name in _expand(cell, tables)] for group in self.cells or []]


@dataclasses.dataclass(frozen=True)
class _File:
    claims: dict[str, Claim]


def load_claims(params_root: str | Path, tables: Tables) -> dict[str, Claim]:
    """Read `params_root`/claims.yaml; AcnetError for any mistake, also for an unknown cell, run or protocol."""
    file = f"{params_root}/claims.yaml"
    claims = build(_File, read_mapping(file), file).claims
    runs, protocols = read_mapping(f"{params_root}/runs.yaml"), protocol_names(params_root)
    for name, claim in claims.items():
        where = f"{file}: claims.{name}"
        _check(claim, tables, where)
        for key, known in (("run", runs), ("runs", runs), ("protocol", protocols)):
            value = getattr(claim, key)
            for one in value if isinstance(value, list) else [value] if value else []:
                among(one, known, f"{where}.{key}")
    return claims


def gated_run(params_root: str | Path, tables: Tables) -> str | None:
    """The first run whose gates a claim is about, None without such a claim."""
    claims = load_claims(params_root, tables).values()
    return min((claim.run for claim in claims if claim.check == "gate_contrasts"), default=None)


def _check(claim: Claim, tables: Tables, where: str) -> None:
    for key in _NEEDS[claim.check]:
        if getattr(claim, key) is None:
            raise AcnetError(f"{where}: check {claim.check} needs '{key}'")
    for key in dict.fromkeys(key for needed in _NEEDS.values() for key in needed):
        if getattr(claim, key) is not None and key not in _NEEDS[claim.check]:
            raise AcnetError(f"{where}.{key}: check {claim.check} does not use it; leave it out")
    try:
        groups = claim.groups(tables)
        if claim.row:
            _check_row(claim.row, tables)
        figure = tables.figure(claim.figure) if claim.figure else None
    except AcnetError as error:
        raise AcnetError(f"{where}: {error}") from error
    if claim.check == "class_gains" and (figure.kind != "class_gains" or len(figure.runs) < 3):
        raise AcnetError(f"{where}: check class_gains needs a figure of that kind with three runs")
    low, high = _CELLS.get(claim.check, (0, 99))
    if not all(low <= len(group) <= high for group in groups):
        raise AcnetError(f"{where}: check {claim.check} needs {low}{' or more' * (high > low)} cells in each group")
    for compared in itertools.chain.from_iterable(_comparisons(claim.check, group) for group in groups):
        _check_numbers(compared, claim.check, tables, where)
    if claim.check == "count_best":
        _check_classes(claim.row, tables, where)
    low, high = _RUNS.get(claim.check, (0, 99))
    if not low <= len(claim.runs or []) <= high:
        raise AcnetError(f"{where}: check {claim.check} needs {low}{' or more' * (high > low)} runs")


def _comparisons(check: str, group: list[CellName]) -> Iterable[Sequence[CellName]]:
    """The cells of a group that are compared at a time."""
    if check == "best":
        return [(group[0], other) for other in group[1:]]
    return itertools.pairwise(group) if check == "monotone" else [group]


def _check_numbers(cells: Sequence[CellName], check: str, tables: Tables, where: str) -> None:
    """AcnetError unless each cell has a number, the paper's or ours, and one of them ours."""
    ours = 0
    for name, key, column in cells:
        table = tables.table(name)
        row, cell = table.row(key), f"{name}.{key}.{column}"
        ours += row.run(column) is not None
        if table.paper(row, column) is None and (check == "reached" or row.run(column) is None):
            raise AcnetError(f"{where}: {cell} has no number" + " of the paper's" * (check == "reached"))
    if not ours:
        raise AcnetError(f"{where}: {' and '.join('.'.join(cell) for cell in cells)}: no run of ours is among them")


def _check_classes(name: str, tables: Tables, where: str) -> None:
    """AcnetError unless the row is ours and it and cited ones have numbers by class."""
    table, _, key = name.partition(".")
    rows = [row for row in tables.table(table).rows if row.per_class]
    if not any(row.key == key and row.ours for row in rows) or all(row.ours for row in rows):
        raise AcnetError(f"{where}.row: '{name}' is not a row of ours with numbers by class, beside cited ones")


def _check_row(name: str, tables: Tables) -> None:
    table, _, key = name.partition(".")
    among(key, [row.key for row in tables.table(table).rows], table)


def _expand(cell: str, tables: Tables) -> list[CellName]:
    parts = cell.split(".")
    if len(parts) != 3:
        raise AcnetError(f"'{cell}' is not a cell; write table.row.column")
    name, key, column = parts
    table = tables.table(name)
    among(column, table.all_columns, f"{name}.{key}")
    if key == "*":
        return [(name, row.key, column) for row in table.rows if not row.ours and table.paper(row, column) is not None]
    _check_row(f"{name}.{key}", tables)
    return [(name, key, column)]
