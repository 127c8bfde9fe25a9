"""A table as lines of fields, before it becomes Markdown, LaTeX or HTML."""

import dataclasses
from typing import Literal

from acnet.params.tables import Row, Table
from acnet.report.cells import NO_VALUE, NOT_RUN, Cell
from acnet.report.labels import beside, method
from acnet.report.scale import ScaleInfo
from acnet.report.text import DASH, number, signed, span

Rows = list[tuple[Row, list[Cell]]]


@dataclasses.dataclass(frozen=True)
class Field:
    """One printed field; `cell` is where its number comes from.

    `spread` is the standard deviation over seeds, `interval` that over images, such as 51.2–57.9.
    """

    text: str
    kind: Literal["method", "backbone", "ours", "missing", "paper", "difference", "beside"]
    cell: Cell | None = None
    spread: str | None = None
    interval: str | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a table; `rule` asks for a thin rule above it."""

    key: str
    fields: list[Field]
    rule: bool = False


@dataclasses.dataclass(frozen=True)
class Grid:
    """`groups` are headings over several of `heads`, as (text, span); there are none in a wide table."""

    groups: list[tuple[str, int]]
    heads: list[str]
    lines: list[Line]
    lead: int

    @property
    def wide(self) -> bool:
        """Whether ours, the paper's and the difference stand below each other rather than side by side."""
        return not self.groups

    @property
    def intervals(self) -> bool:
        """Whether any field shows an interval."""
        return any(field.interval for line in self.lines for field in line.fields)


def grid(table: Table, rows: Rows, scale: ScaleInfo) -> Grid:
    """The lines of `table`: numbers side by side, or below each other where every class has a column.

    Differences are left out at a scale whose absolute numbers compare with nothing.
    """
    return _wide(table, rows, scale) if table.per_class else _narrow(table, rows, scale)


def _narrow(table: Table, rows: Rows, scale: ScaleInfo) -> Grid:
    with_backbone = any(row.backbone for row, _ in rows)
    lead = ["Method", "Backbone"] if with_backbone else ["Method"]
    each = ["ours", "paper"] + ["difference"] * scale.comparable
    each += [beside(table, scale)] if table.beside else []
    lines = []
    for row, row_cells in rows:
        fields = [Field(method(row), "method")] + [Field(row.backbone or "", "backbone")] * with_backbone
        for cell in row_cells:
            fields += [_ours(cell, table.digits), _paper(cell, table.digits)]
            fields += [_difference(cell, table.digits)] * scale.comparable
            fields += [_beside(cell, table.digits)] * bool(table.beside)
        lines.append(Line(row.key, fields, row.rule))
    groups = [(column.label, len(each)) for column in table.columns.values()]
    return Grid(groups, lead + each * len(groups), lines, len(lead))


def _wide(table: Table, rows: Rows, scale: ScaleInfo) -> Grid:
    digits = table.digits
    lines = []
    for row, row_cells in rows:
        printed = [_paper(cell, digits) for cell in row_cells]
        if not row.ours:
            lines.append(Line(row.key, [Field(method(row), "method"), *printed], row.rule))
            continue
        # There is no room for intervals; the CSV has them.
        own = [dataclasses.replace(_ours(cell, digits), interval=None) for cell in row_cells]
        lines.append(Line(row.key, [Field(f"{row.method}, ours", "method"), *own], row.rule))
        lines.append(Line(row.key, [Field(f"{row.method}, paper", "method"), *printed]))
        if scale.comparable:
            lines.append(Line(row.key, [Field("difference", "method"), *(_difference(c, digits) for c in row_cells)]))
    return Grid([], ["Method", *(column.label for column in table.all_columns.values())], lines, 1)


def _ours(cell: Cell, digits: int) -> Field:
    if cell.state == NOT_RUN:
        return Field(NOT_RUN, "missing", cell)
    if cell.state == NO_VALUE:
        return Field(DASH, "missing", cell)
    if cell.ours is None:
        return Field("", "ours")
    spread = cell.score.std if cell.score and cell.server is None else None
    between = None
    if cell.interval and cell.server is None:
        between = span(cell.interval)
    return Field(number(cell.ours, digits), "ours", cell, None if spread is None else number(spread, digits), between)


def _paper(cell: Cell, digits: int) -> Field:
    return Field("" if cell.run and cell.paper is None else number(cell.paper, digits), "paper")


def _difference(cell: Cell, digits: int) -> Field:
    return Field("" if cell.difference is None else signed(cell.difference, digits), "difference")


def _beside(cell: Cell, digits: int) -> Field:
    return Field("" if cell.beside is None else number(cell.beside.mean, digits), "beside")
