"""params/claims.yaml as dataclasses: the paper's statements as checks over table cells."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.strict import convert, limited, nearest
from acnet.params.tables import Table, Tables

CellName = tuple[str, str, str]
_GROUP_SIZE = {
    "greater": (2, 2),
    "best": (2, None),
    "monotone": (2, None),
    "equal": (2, 2),
    "more_gain": (4, 4),
    "reached": (1, 1),
}
_NEEDS = {
    **dict.fromkeys(_GROUP_SIZE, "cells"),
    "count_best": "row",
    "class_gains": "figure",
    "gate_range": "figure",
    "local_gate_range": "figure",
    "learned": "run",
    "gate_contrasts": "run",
    "none": "reason",
}


@dataclasses.dataclass(frozen=True)
class Claim:
    """One statement of the paper and the check that decides it; params/claims.yaml explains kinds and checks."""

    statement: str
    where: str
    kind: Literal["stated", "derived", "by construction"]
    check: Literal[
        "greater", "best", "monotone", "equal", "more_gain", "reached", "count_best", "class_gains",
        "gate_range", "local_gate_range", "learned", "gate_contrasts", "none",
    ]  # fmt: skip
    cells: list[list[str]] | None = None
    row: str | None = None
    count: int | None = limited(None, low=1)
    figure: str | None = None
    run: str | None = None
    reason: str | None = None
    note: str | None = None

    def groups(self, tables: Tables) -> list[list[CellName]]:
        """The cells as (table, row, column), with `*` replaced by the column's cited rows."""
        return [[name for cell in group for name in _expand(cell, tables)] for group in self.cells or []]


def load_claims(params_root: str | Path, tables: Tables, runs: Collection[str] | None = None) -> dict[str, Claim]:
    """Read `params_root`/claims.yaml; AcnetError for any mistake, also for a cell that `tables` lacks.

    A claim about a run that is not among `runs` is one, where they are given.
    """
    path = Path(params_root) / "claims.yaml"
    data = read_yaml(path)
    if not isinstance(data, dict) or list(data) != ["claims"]:
        raise AcnetError(f"{path}: expected one key, 'claims'")
    claims = convert(dict[str, Claim], data["claims"], f"{path}: claims")
    for name, claim in claims.items():
        _check(claim, tables, f"{path}: claims.{name}")
        if runs is not None and claim.run is not None and claim.run not in runs:
            raise AcnetError(f"{path}: claims.{name}.run: unknown run '{claim.run}'{nearest(claim.run, runs)}")
    return claims


def gated_runs(params_root: str | Path, tables: Tables) -> list[str]:
    """The runs whose gates some claim asks about, sorted."""
    claims = load_claims(params_root, tables).values()
    return sorted({claim.run for claim in claims if claim.check == "gate_contrasts"})


def _check(claim: Claim, tables: Tables, where: str) -> None:
    needed = _NEEDS[claim.check]
    if getattr(claim, needed) is None:
        raise AcnetError(f"{where}: check {claim.check} needs '{needed}'")
    try:
        groups = claim.groups(tables)
        if claim.row:
            _row(claim.row, tables)
        if claim.figure:
            tables.figure(claim.figure)
    except AcnetError as error:
        raise AcnetError(f"{where}: {error}") from error
    low, high = _GROUP_SIZE.get(claim.check, (0, None))
    for group in groups:
        if len(group) < low or (high and len(group) > high):
            raise AcnetError(
                f"{where}: check {claim.check} needs {low}{'' if high else ' or more'} cells in each group"
            )
    if claim.check == "count_best" and claim.count is None:
        raise AcnetError(f"{where}: check count_best needs 'count'")


def _row(name: str, tables: Tables) -> tuple[Table, str]:
    table_name, _, key = name.partition(".")
    table = tables.table(table_name)
    keys = [row.key for row in table.rows]
    if key not in keys:
        raise AcnetError(f"unknown row '{key}' of {table_name}{nearest(key, keys)}")
    return table, key


def _expand(cell: str, tables: Tables) -> list[CellName]:
    parts = cell.split(".")
    if len(parts) != 3:
        raise AcnetError(f"'{cell}' is no cell; write table.row.column")
    name, key, column = parts
    table = tables.table(name)
    if column not in table.all_columns:
        raise AcnetError(f"unknown column '{column}' of {name}{nearest(column, table.all_columns)}")
    if key == "*":
        return [(name, row.key, column) for row in table.rows if not row.ours and table.paper(row, column) is not None]
    _row(f"{name}.{key}", tables)
    return [(name, key, column)]
