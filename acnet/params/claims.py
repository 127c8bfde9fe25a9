"""params/claims.yaml as dataclasses: the paper's statements as checks over table cells."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from acnet.errors import AcnetError
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
    check: Literal[
        "greater", "best", "monotone", "equal", "more_gain", "reached", "count_best", "greater_in",
        "class_gains", "gated_gains", "gate_range", "local_gate_range", "learned", "gate_contrasts", "none",
    ]  # fmt: skip
    primary: bool = False
    cells: list[list[str]] | None = None
    row: str | None = None
    count: int | None = limited(None, low=1)
    figure: str | None = None
    run: str | None = None
    runs: list[str] | None = None
    parts: list[Literal["all", "small", "large", "edges"]] | None = None
    protocol: str | None = None
    reason: str | None = None
    note: str | None = None

    def groups(self, tables: Tables) -> list[list[CellName]]:
        """The cells as (table, row, column), with `*` replaced by the column's cited rows."""
        return [[name for cell in group for name in _expand(cell, tables)] for group in self.cells or []]


@dataclasses.dataclass(frozen=True)
class _File:
    claims: dict[str, Claim]


def load_claims(params_root: str | Path, tables: Tables, runs: Collection[str] | None = None) -> dict[str, Claim]:
    """Read `params_root`/claims.yaml; AcnetError for any mistake, also for a cell that `tables` lacks.

    A claim about a run that is not among `runs` is one, where they are given.
    """
    file = f"{params_root}/claims.yaml"
    claims = build(_File, read_mapping(file), file).claims
    for name, claim in claims.items():
        where = f"{file}: claims.{name}"
        _check(claim, tables, where)
        if runs is not None:
            for key, names in (("run", [claim.run] if claim.run else []), ("runs", claim.runs or [])):
                for run in names:
                    among(run, runs, f"{where}.{key}")
    return claims


def gated_runs(params_root: str | Path, tables: Tables) -> list[str]:
    """The runs whose gates some claim asks about, sorted."""
    claims = load_claims(params_root, tables).values()
    return sorted({claim.run for claim in claims if claim.check == "gate_contrasts"})


def _check(claim: Claim, tables: Tables, where: str) -> None:
    for key in _NEEDS[claim.check]:
        if getattr(claim, key) is None:
            raise AcnetError(f"{where}: check {claim.check} needs '{key}'")
    try:
        groups = claim.groups(tables)
        if claim.row:
            _check_row(claim.row, tables)
        if claim.figure:
            tables.figure(claim.figure)
    except AcnetError as error:
        raise AcnetError(f"{where}: {error}") from error
    low, high = _CELLS.get(claim.check, (0, 99))
    if not all(low <= len(group) <= high for group in groups):
        raise AcnetError(f"{where}: check {claim.check} needs {low}{' or more' * (high > low)} cells in each group")
    low, high = _RUNS.get(claim.check, (0, 99))
    if not low <= len(claim.runs or []) <= high:
        raise AcnetError(f"{where}: check {claim.check} needs {low}{' or more' * (high > low)} runs")


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
