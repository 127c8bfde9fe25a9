"""The cells of the paper's tables: the paper's number, ours, and where ours comes from; as a file, cells.csv."""

import csv
import dataclasses
import statistics
from pathlib import Path

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import Interval
from acnet.files import write_text
from acnet.params.claims import CellName
from acnet.params.tables import Row, Table, Tables
from acnet.progress import some
from acnet.report.report import Report
from acnet.report.results import Results
from acnet.report.text import csv_text

NOT_RUN, NO_VALUE = "not run", "no value"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell, a line of cells.csv; numbers in percent.

    `state` is measured, not run, no value (a class that is neither labelled nor predicted, or that the dataset lacks),
    cited, or empty. `values` are ours by `run` and `protocol`, one for each of `seeds`; `low` and `high` bound the
    confidence interval of their mean; `beside` is ours by a second protocol. In a cell that a test server scores,
    `values` are the validation scores of the network before fine-tuning, `server` is the server's score and
    `fine_tuned` the network sent there.
    """

    table: str
    row: str
    column: str
    metric: str
    state: str
    run: str | None = None
    protocol: str | None = None
    seeds: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    paper: float | None = None
    beside_protocol: str | None = None
    beside: float | None = None
    fine_tuned: str | None = None
    server: float | None = None

    @property
    def name(self) -> str:
        """table.row.column, as claims.yaml writes it."""
        return f"{self.table}.{self.row}.{self.column}"

    @property
    def mean(self) -> float | None:
        """The mean of `values`."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over seeds; None with fewer than two, and for a server's score."""
        return statistics.stdev(self.values) if len(self.values) > 1 and self.server is None else None

    @property
    def ours(self) -> float | None:
        """Our number: the server's where there is one."""
        return self.mean if self.server is None else self.server

    @property
    def interval(self) -> Interval | None:
        """The confidence interval of `ours`."""
        return None if self.low is None else (self.low, self.high)

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, in points."""
        return None if self.ours is None or self.paper is None else self.ours - self.paper

    @property
    def comparable(self) -> bool:
        """Whether our number was measured on the paper's split: a validation number in a test table was not."""
        return self.fine_tuned is None or self.server is not None


Cells = dict[CellName, Cell]


def table_cells(name: str, table: Table, results: Results) -> Cells:
    """All cells of `table` (called `name`); of a table that is not in the scale, only the paper's numbers."""
    return {
        (name, row.key, key): _cell(name, table, row, key, results) for row in table.rows for key in table.all_columns
    }


def all_cells(tables: Tables, results: Results) -> Cells:
    """The cells of every table."""
    parts = [table_cells(name, table, results) for name, table in tables.tables.items()]
    return {key: cell for part in parts for key, cell in part.items()}


def _cell(name: str, table: Table, row: Row, column: str, results: Results) -> Cell:
    shown, run, paper = table.all_columns[column], row.run(column), table.paper(row, column)
    if run is None:
        return Cell(name, row.key, column, shown.metric, "empty" if paper is None else "cited", paper=paper)
    protocol, beside, asked = table.row_protocol(row), table.row_beside(row), (shown.metric, shown.classes)
    cell = Cell(name, row.key, column, shown.metric, NOT_RUN, run, protocol, paper=paper, fine_tuned=row.server)
    if name not in results.scale.tables:
        return cell
    scores, other = results.scores(run, protocol, *asked), results.scores(run, beside, *asked) if beside else {}
    answer = results.server(name) if row.server else None
    server = answer and answer.of(*asked)
    low, high = (results.interval(run, protocol, *asked) if server is None else None) or (None, None)
    missing = NO_VALUE if results.measured(run, protocol) else NOT_RUN
    return dataclasses.replace(
        cell,
        state="measured" if scores or server is not None else missing,
        seeds=tuple(scores),
        values=tuple(scores.values()),
        low=low,
        high=high,
        beside_protocol=beside,
        beside=statistics.fmean(other.values()) if other else None,
        server=server,
    )


def write_cells(report: Report) -> Path:
    """Write cells.csv and return its path: a line for each cell of every table, with full precision.

    `source` names the metrics files under results/. AcnetError for a metrics file in the wrong place.
    """
    cells = all_cells(report.tables, report.results)
    path = report.folder / "cells.csv"
    write_text(path, csv_text([_line(cell, report.scale.name) for cell in cells.values()]))
    return path


def _line(cell: Cell, scale: str) -> dict[str, object]:
    folders = [f"{scale}/{cell.run}/seed{seed}/metrics/{cell.protocol}.json" for seed in cell.seeds]
    lists = {"seeds": cell.seeds, "values": cell.values, "source": folders}
    lists = {key: " ".join(map(str, items)) for key, items in lists.items()}
    return {**dataclasses.asdict(cell), "ours": cell.ours, **lists}


def read_cells(report: Report) -> Cells:
    """The cells in cells.csv; AcnetError unless it has each one that tables.yaml asks for."""
    path, remedy = report.folder / "cells.csv", f"`acnet report cells --scale {report.scale.name}` writes it"
    if not path.exists():
        raise AcnetError(f"{path}: not found; {remedy}")
    with open(path, newline="", encoding="utf-8") as handle:
        try:
            found = {(cell.table, cell.row, cell.column): cell for cell in map(_parsed, csv.DictReader(handle))}
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise AcnetError(f"{path}: truncated or corrupt; {remedy} again") from error
    tables = report.tables.tables.items()
    every = [(name, row.key, column) for name, table in tables for row in table.rows for column in table.all_columns]
    if lacking := [".".join(cell) for cell in every if cell not in found]:
        raise AcnetError(f"{path}: lacks {some(lacking)}; {remedy} again")
    return found


def _parsed(line: dict[str, str]) -> Cell:
    del line["ours"], line["source"]
    numbers = {key: float(line[key]) for key in ("low", "high", "paper", "beside", "server") if line[key]}
    lists = {"seeds": tuple(map(int, line["seeds"].split())), "values": tuple(map(float, line["values"].split()))}
    return Cell(**{key: text or None for key, text in line.items()} | numbers | lists)
