"""The few sentences that tables, claims and page say alike."""

from collections.abc import Iterable

from acnet.params.measures import Measures
from acnet.params.tables import Row, Table
from acnet.report.cells import NO_VALUE, Cell
from acnet.report.scale import ScaleInfo
from acnet.report.text import number

VALIDATION = "val, before fine-tuning"
SERVER = "test server"


def interval_note(measures: Measures) -> str:
    """What the intervals are."""
    return f"{100 * measures.level:g} % intervals by resampling the images {measures.resamples:,} times"


def beside(table: Table, scale: ScaleInfo) -> str:
    """The heading of ours by a second protocol: what it adds to the table's own, as in "ours, mirrored"."""
    own, other = scale.title_of(table.protocol), scale.title_of(table.beside or "")
    return f"ours, {other.removeprefix(own).removeprefix(',').strip() or other}"


def about(table: Table, scale: ScaleInfo) -> str:
    """What the table shows and, where another dataset plays the paper's, what ours is measured on."""
    stand_ins = dict.fromkeys(scale.stand_ins[run] for run, _ in table.sources() if run in scale.stand_ins)
    return f"{table.description} Ours: {'; '.join(stand_ins)}." if stand_ins else table.description


def measured_on(cell: Cell) -> str:
    """Where a server cell's number comes from; nothing in other cells."""
    if cell.fine_tuned is None or cell.ours is None:
        return ""
    return SERVER if cell.server is not None else VALIDATION


def method(row: Row) -> str:
    """The method with the paper's reference number."""
    return f"{row.method} [{row.ref}]" if row.ref else row.method


def notes(table: Table, rows: Iterable[tuple[Row, list[Cell]]]) -> list[tuple[str, str]]:
    """The table's footnotes: (row key, sentence)."""
    found = []
    for row, row_cells in rows:
        if row.server:
            found.append((row.key, server_note(table, row, row_cells)))
        if row.note:
            found.append((row.key, row.note))
        if any(cell.state == NO_VALUE for cell in row_cells):
            found.append((row.key, "a dash is a class that occurs neither in the truth nor in the predictions"))
    return found


def server_note(table: Table, row: Row, row_cells: list[Cell]) -> str:
    """What our number in a server cell is."""
    own = f"{row.ours} on the validation set ({table.row_protocol(row)}), before it is fine-tuned as {row.server}"
    if all(cell.server is None for cell in row_cells):
        return f"ours is {own}; the paper's comes from the test server, which is another set"
    validation = row_cells[0].score
    value = f", {number(validation.mean, table.digits)}" if validation else ""
    return f"ours is the test server's score of {row.server}; the validation number is {own}{value}"
