"""The cells of a table: the paper's number, ours, and where ours comes from."""

import dataclasses

from acnet.evaluate.bootstrap import Interval
from acnet.params.tables import Row, Table
from acnet.report.results import Results, Score

NOT_RUN, NO_VALUE = "not run", "no value"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell; numbers in percent. `score` is ours by `run` and `protocol`, `beside` ours by a second protocol.

    `interval` is that of `score` by resampling the images. `evaluated` with no `score` means that the measure has no
    value there, as the IoU of a class that occurs neither in the truth nor in the predictions. In a cell that a test
    server scores, `score` is the validation number of the network before fine-tuning, `server` the server's number and
    `fine_tuned` the network sent there.
    """

    table: str
    row: str
    column: str
    metric: str
    paper: float | None
    run: str | None = None
    protocol: str | None = None
    evaluated: bool = False
    score: Score | None = None
    interval: Interval | None = None
    beside_protocol: str | None = None
    beside: Score | None = None
    fine_tuned: str | None = None
    server: float | None = None

    @property
    def name(self) -> str:
        """table.row.column, as claims.yaml writes it."""
        return f"{self.table}.{self.row}.{self.column}"

    @property
    def state(self) -> str:
        """cited, not run, measured, no value, or empty (no number of either side belongs here)."""
        if self.run and self.ours is not None:
            return "measured"
        if self.run:
            return NO_VALUE if self.evaluated else NOT_RUN
        return "empty" if self.paper is None else "cited"

    @property
    def ours(self) -> float | None:
        """Our number: the server's where there is one."""
        if self.server is not None:
            return self.server
        return self.score.mean if self.score else None

    @property
    def difference(self) -> float | None:
        """Ours less the paper's, in points."""
        return None if self.ours is None or self.paper is None else self.ours - self.paper

    @property
    def comparable(self) -> bool:
        """Whether our number was measured on the paper's split: a validation number in a test table was not."""
        return self.fine_tuned is None or self.server is not None


def cell(name: str, table: Table, row: Row, column: str, results: Results) -> Cell:
    """The cell of `table` (called `name`) at `row` and `column`, filled from `results`."""
    metric, class_name = table.all_columns[column].metric, table.all_columns[column].class_name
    cited = Cell(name, row.key, column, metric, table.paper(row, column))
    run = row.run(column)
    if run is None:
        return cited
    protocol, beside = table.row_protocol(row), table.row_beside(row)
    answer = results.server(name) if row.server else None
    return dataclasses.replace(
        cited,
        run=run,
        protocol=protocol,
        evaluated=results.evaluated(run, protocol),
        score=results.score(run, protocol, metric, class_name),
        interval=results.interval(run, protocol, metric, class_name),
        beside_protocol=beside,
        beside=results.score(run, beside, metric, class_name) if beside else None,
        fine_tuned=row.server,
        server=answer.of(metric, class_name) if answer else None,
    )


def cells(name: str, table: Table, results: Results) -> list[tuple[Row, list[Cell]]]:
    """All cells of a table, row by row."""
    return [(row, [cell(name, table, row, column, results) for column in table.all_columns]) for row in table.rows]
