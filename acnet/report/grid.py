"""A table as lines of fields with its captions, before it becomes Markdown, LaTeX or HTML."""

import dataclasses
import statistics
from collections.abc import Iterable
from typing import Literal

from acnet.params.tables import Row, Table
from acnet.progress import operations
from acnet.report.cells import NO_VALUE, NOT_RUN, Cell, Cells
from acnet.report.checks import CONTRADICTED, HELD, Step
from acnet.report.report import Report
from acnet.report.scale import ScaleInfo
from acnet.report.text import DASH, number, signed, span

_VERDICTS = {HELD: "better", CONTRADICTED: "worse"}  # the others need no other word


@dataclasses.dataclass(frozen=True)
class Field:
    """One printed field; `cell` is where its number comes from.

    `spread` is the standard deviation over seeds, `interval` that over images, such as 51.2–57.9.
    """

    text: str
    kind: Literal["method", "backbone", "ours", "missing", "paper", "difference", "beside", "size"]
    cell: Cell | None = None
    spread: str | None = None
    interval: str | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a table, one of several for its row in a wide table; `rule` asks for a thin rule above it."""

    row: Row
    fields: list[Field]
    rule: bool = False


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table of the paper with our numbers; the first `lead` columns are text.

    `groups` are headings over several of `heads`, as (text, span). There are none in a wide table, in which ours, the
    paper's and the difference stand below each other rather than side by side. `beside` is the heading of ours by a
    second protocol. `notes` belong to rows.
    """

    name: str
    title: str
    about: str
    beside: str | None
    groups: list[tuple[str, int]]
    heads: list[str]
    lines: list[Line]
    lead: int
    notes: list[tuple[Row, str]]

    @property
    def wide(self) -> bool:
        """Whether every class has a column."""
        return not self.groups

    @property
    def runs(self) -> set[str | None]:
        """The runs behind the numbers."""
        return {field.cell.run for line in self.lines for field in line.fields if field.cell}

    def shows(self, part: str) -> bool:
        """Whether any field has this part: spread or interval."""
        return any(getattr(field, part) for line in self.lines for field in line.fields)


def grid(name: str, cells: Cells, report: Report) -> Grid:
    """The table `name` of a scale; there are no differences to the paper where absolute numbers are not comparable."""
    table, scale = report.tables.table(name), report.scale
    rows = [(row, [cells[name, row.key, column] for column in table.all_columns]) for row in table.rows]
    beside, quoted = _beside(table, scale) if table.beside else None, any(row.paper for row in table.rows)
    lead = ["Method", *["Backbone"] * any(row.backbone for row in table.rows), "Parameters", "FLOPs"]
    before = {row.key: _before(row, row_cells, len(lead) > 3, report) for row, row_cells in rows}
    if table.per_class:
        groups, each = [], [column.label for column in table.all_columns.values()]
        lines = [line for row, own in rows for line in _wide(row, before[row.key], own, table.digits, scale.comparable)]
    else:
        each = ["ours", *["paper"] * quoted, *["difference"] * (quoted and scale.comparable), *[beside] * bool(beside)]
        against = f"minus {table.row(table.against).method}" if table.against else None
        each += [against] * bool(against)
        groups = [(column.label, len(each)) for column in table.columns.values()]
        numbers = {"ours": _ours, "paper": _paper, "difference": _difference, beside: _by_second_protocol}
        if against:
            numbers[against] = lambda cell, digits: _over(cell, cells[name, table.against, cell.column], digits, report)
        lines = [
            Line(row, before[row.key] + [numbers[head](cell, table.digits) for cell in own for head in each], row.rule)
            for row, own in rows
        ]
        each = each * len(groups)
    notes = [(row, text) for row, row_cells in rows for text in _notes(table, row, row_cells)]
    return Grid(name, table.title, _about(table, scale), beside, groups, lead + each, lines, len(lead), notes)


def interval_note(scale: ScaleInfo, runs: Iterable[str | None]) -> str:
    """A phrase that says what the intervals of the scores of `runs` are."""
    blocks = any(run in scale.blocks for run in runs)
    drawn = "of blocks of images (such as videos) and of the images in each" if blocks else "of the images"
    level, resamples = scale.measures.level, scale.measures.resamples
    return f"{100 * level:g} % confidence intervals by {resamples:,} bootstrap samples {drawn}"


def measured_on(cell: Cell) -> str:
    """Where a server cell's number comes from; nothing in other cells."""
    if cell.fine_tuned is None or cell.ours is None:
        return ""
    return "val, before fine-tuning" if cell.server is None else "test server"


def _before(row: Row, cells: list[Cell], backbone: bool, report: Report) -> list[Field]:
    """The fields before the numbers."""
    own = [report.size(run) for run in dict.fromkeys(cell.run for cell in cells) if run]
    parameters = dict.fromkeys(f"{number(size.parameters / 1e6)} M" for size in own)
    flops = dict.fromkeys(operations(size.flops).removesuffix("FLOP") for size in own)
    return [
        Field(_method(row), "method"),
        *[Field(row.backbone or "", "backbone")] * backbone,
        *(Field(" / ".join(part), "size") for part in (parameters, flops)),
    ]


def _wide(row: Row, before: list[Field], cells: list[Cell], digits: int, differences: bool) -> list[Line]:
    printed = [_paper(cell, digits) for cell in cells]
    if not row.ours:
        return [Line(row, [*before, *printed], row.rule)]
    # There is no room for intervals; the CSV has them.
    own = [dataclasses.replace(_ours(cell, digits), interval=None) for cell in cells]
    empty = [Field("", field.kind) for field in before[1:]]
    lines = [
        Line(row, [Field(f"{row.method}, ours", "method"), *before[1:], *own], row.rule),
        Line(row, [Field(f"{row.method}, paper", "method"), *empty, *printed]),
    ]
    if differences:
        lines.append(Line(row, [Field("difference", "method"), *empty, *(_difference(cell, digits) for cell in cells)]))
    return lines


def _method(row: Row) -> str:
    """The method with the paper's reference number."""
    return f"{row.method} [{row.ref}]" if row.ref else row.method


def _ours(cell: Cell, digits: int) -> Field:
    if cell.state in (NOT_RUN, NO_VALUE):
        return Field(NOT_RUN if cell.state == NOT_RUN else DASH, "missing", cell)
    if cell.ours is None:
        return Field("", "ours")
    spread = None if cell.std is None else number(cell.std, digits)
    return Field(number(cell.ours, digits), "ours", cell, spread, span(cell.interval) if cell.interval else None)


def _paper(cell: Cell, digits: int) -> Field:
    return Field("" if cell.run and cell.paper is None else number(cell.paper, digits), "paper")


def _difference(cell: Cell, digits: int) -> Field:
    return Field("" if cell.difference is None else signed(cell.difference, digits), "difference")


def _over(cell: Cell, other: Cell, digits: int, report: Report) -> Field:
    """The difference from another cell over the seeds of both, judged as the only step of a claim would be."""
    theirs = dict(zip(other.seeds, other.values, strict=True))
    seeds = [value - theirs[seed] for seed, value in zip(cell.seeds, cell.values, strict=True) if seed in theirs]
    if cell.row == other.row or not seeds:
        return Field("", "difference")
    if report.results.other_settings([(one.run, one.protocol) for one in (cell, other)]):
        return Field("different settings", "difference")
    scale = report.scale
    verdict = Step("", [], seeds=tuple(seeds)).judged(1 - scale.measures.level, 1, scale).verdict
    return Field(f"{signed(statistics.fmean(seeds), digits)}, {_VERDICTS.get(verdict, verdict)}", "difference")


def _by_second_protocol(cell: Cell, digits: int) -> Field:
    return Field("" if cell.beside is None else number(cell.beside, digits), "beside")


def _beside(table: Table, scale: ScaleInfo) -> str:
    """What a second protocol adds to the table's own, as in "ours, flipped"."""
    own, other = scale.title_of(table.protocol), scale.title_of(table.beside)
    return f"ours, {other.removeprefix(own).removeprefix(',').strip() or other}"


def _about(table: Table, scale: ScaleInfo) -> str:
    """What the table shows and, where another dataset stands in for the paper's, what ours is measured on."""
    stand_ins = dict.fromkeys(scale.stand_ins[it] for it in table.sources() if it in scale.stand_ins)
    ours = [f"Ours: {'; '.join(stand_ins)}."] if stand_ins else []
    return " ".join([table.description, "FLOPs are those of the forward pass of one training crop.", *ours])


def _notes(table: Table, row: Row, cells: list[Cell]) -> list[str]:
    found = [_server_note(table, row, cells)] if row.server else []
    found += [row.note] if row.note else []
    if any(cell.state == NO_VALUE for cell in cells):
        unseen = "a class that occurs neither in the labels nor in the predictions"
        found.append(f"a dash marks a number that the dataset does not give, or {unseen}")
    return found


def _server_note(table: Table, row: Row, cells: list[Cell]) -> str:
    own = f"{row.ours} on the validation set ({table.row_protocol(row)}), before it is fine-tuned as {row.server}"
    if all(cell.server is None for cell in cells):
        return f"ours is {own}; the paper's comes from the test server, which is another set"
    score, given = f"the test server's score of {row.server}", [cell.server is not None for cell in cells]
    if not all(given):
        labels = [table.all_columns[cell.column].label for cell, it in zip(cells, given, strict=True) if it]
        return f"ours for {', '.join(labels)} is {score}, elsewhere that of {own}"
    validation = "" if cells[0].mean is None else f", {number(cells[0].mean, table.digits)}"
    return f"ours is {score}; the validation number is {own}{validation}"
