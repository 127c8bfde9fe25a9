"""params/tables.yaml as dataclasses: the run, protocol and metric behind each cell of the tables and figures."""

import dataclasses
import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from acnet.errors import AcnetError
from acnet.params.schema import among, build, limited, mapping, read_mapping

Metric = Literal["miou", "pixacc", "mean_accuracy", "fwiou", "final_score", "miou60", "class_iou"]
Source = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of numbers; a class_iou is that of the class `class_name`, or the mean of a dataset's `class_group`."""

    label: str
    metric: Metric
    class_name: str | None = None
    class_group: str | None = None

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, for a class without its metric, or the other way round."""
        if (self.metric == "class_iou") != ((self.class_name is None) != (self.class_group is None)):
            raise AcnetError(
                f"{where}: class_iou needs one of class_name and class_group, and no other metric takes them"
            )

    @property
    def classes(self) -> str | None:
        """The class or the group of classes."""
        return self.class_name or self.class_group


@dataclasses.dataclass(frozen=True)
class Row:
    """A row: the paper's numbers by column and, for rows of ours, the run behind each column.

    `server` names the run fine-tuned for the test server: our own number is then that of `ours` on the validation set.
    """

    key: str
    method: str
    backbone: str | None = None
    ref: int | None = None
    paper: dict[str, float] = dataclasses.field(default_factory=dict)
    per_class: list[float] | None = None
    ours: str | dict[str, str] | None = None
    protocol: str | None = None
    server: str | None = None
    rule: bool = False
    note: str | None = None

    def run(self, column: str) -> str | None:
        """The run whose number `column` shows; None in a cited row or an empty cell."""
        return self.ours.get(column) if isinstance(self.ours, dict) else self.ours


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper, or one of ours that is made `on_request` only.

    `per_class` adds a column for each class, keyed by its name. `against` is the row that the others are compared with:
    their differences from it get a column and, over FLOPs, a figure.
    """

    title: str
    description: str
    protocol: str
    columns: dict[str, Column]
    rows: list[Row]
    backbone: str | None = None
    beside: str | None = None
    digits: int = limited(2, low=0, high=4)
    per_class: list[str] | None = None
    on_request: bool = False
    against: str | None = None

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, for a row that does not go with the others or with the columns."""
        keys = [row.key for row in self.rows]
        if not any(row.paper or row.per_class or row.ours for row in self.rows):
            raise AcnetError(f"{where}.rows: none has `paper` or `ours`, so there is no number to show")
        if self.against is not None:
            among(self.against, keys, f"{where}.against")
        for row in self.rows:
            here = f"{where}.{row.key}"
            if keys.count(row.key) > 1:
                raise AcnetError(f"{here}: this key is used twice; give each row its own")
            if not re.fullmatch("[a-z0-9_]+", row.key):
                raise AcnetError(f"{here}: a row's key is made of a-z, 0-9 and _")
            mapping({**row.paper, **(row.ours if isinstance(row.ours, dict) else {})}, here, self.all_columns)
            if row.per_class is not None and len(row.per_class) != len(self.per_class or []):
                raise AcnetError(
                    f"{here}.per_class: {len(row.per_class)} numbers for {len(self.per_class or [])} classes"
                )
            if row.server and not row.ours:
                raise AcnetError(f"{here}: 'server' needs 'ours', the run before fine-tuning")

    @property
    def class_groups(self) -> set[str]:
        """The groups of classes that a dataset must have for this table."""
        return {column.class_group for column in self.columns.values() if column.class_group}

    @functools.cached_property
    def all_columns(self) -> dict[str, Column]:
        """Every column by its key, the classes last."""
        classes = {name: Column(name, "class_iou", name) for name in self.per_class or []}
        return {**self.columns, **classes}

    def row(self, key: str) -> Row:
        """The row named `key`; KeyError if there is none."""
        return {row.key: row for row in self.rows}[key]

    def paper(self, row: Row, column: str) -> float | None:
        """The paper's number in a cell, in percent; None where it prints none."""
        if self.per_class and row.per_class and column in self.per_class:
            return row.per_class[self.per_class.index(column)]
        return row.paper.get(column)

    def row_protocol(self, row: Row) -> str:
        """The protocol that measures our cells of `row`."""
        return row.protocol or self.protocol

    def row_beside(self, row: Row) -> str | None:
        """The second protocol, shown beside; None in rows with a protocol of their own."""
        return None if row.protocol else self.beside

    def sources(self) -> list[Source]:
        """The (run, protocol) pairs whose metrics fill this table, sorted."""
        found = set()
        for row in self.rows:
            protocols = {self.row_protocol(row), self.row_beside(row)} - {None}
            runs = {row.run(column) for column in self.all_columns} - {None}
            found |= {(run, protocol) for run in runs for protocol in protocols}
        return sorted(found)

    def fine_tuned(self) -> list[str]:
        """The runs fine-tuned for a test server: trained, never evaluated here."""
        return sorted({row.server for row in self.rows if row.server})


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of the paper; `runs` maps a label to a run, the first being the baseline.

    Figures of kind network or block show how their only run is built, which need not be trained.
    """

    title: str
    description: str
    kind: Literal["class_gains", "gates", "comparison", "network", "block"]
    runs: dict[str, str]
    protocol: str | None = None
    examples: int | None = limited(None, low=1)

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, if what the kind needs is missing."""
        if self.kind == "class_gains":
            complete, needed = self.protocol and len(self.runs) >= 2, "a protocol and at least two runs"
        elif self.built:
            complete, needed = len(self.runs) == 1, "one run"
        else:
            complete, needed = self.examples and len(self.runs) == 2, "a number of examples and two runs"
        if not complete:
            raise AcnetError(f"{where}: kind {self.kind} needs {needed}")
        if self.protocol and self.kind != "class_gains":
            raise AcnetError(f"{where}.protocol: kind {self.kind} shows no scores; leave it out")

    @property
    def built(self) -> bool:
        """Whether this figure is drawn from parameters alone."""
        return self.kind in ("network", "block")

    def sources(self) -> list[Source]:
        """The (run, protocol) pairs whose metrics this figure draws, sorted."""
        return sorted({(run, self.protocol) for run in self.runs.values()}) if self.protocol else []

    def example_runs(self) -> list[str]:
        """The runs whose examples.npz this figure draws, sorted."""
        return sorted(set(self.runs.values())) if self.examples else []


@dataclasses.dataclass(frozen=True)
class Tables:
    """All of tables.yaml."""

    tables: dict[str, Table]
    figures: dict[str, Figure]

    def table(self, name: str) -> Table:
        """The table `name`; AcnetError with the nearest name if there is none."""
        return self.tables[among(name, self.tables, "params/tables.yaml: tables")]

    def figure(self, name: str) -> Figure:
        """The figure `name`; AcnetError with the nearest name if there is none."""
        return self.figures[among(name, self.figures, "params/tables.yaml: figures")]

    def sources(self, names: Iterable[str]) -> list[Source]:
        """The (run, protocol) pairs whose metrics the tables and figures `names` show, sorted."""
        return sorted({source for name in names for source in (self.tables | self.figures)[name].sources()})

    def trained(self, names: Iterable[str]) -> list[str]:
        """Every run that the tables and figures `names` need trained, in the order of the file."""
        found = {}
        for name in names:
            if name in self.figures:
                found |= dict.fromkeys(self.figures[name].runs.values() if not self.figures[name].built else ())
                continue
            for row in self.table(name).rows:
                runs = [row.run(column) for column in self.table(name).all_columns] + [row.server]
                found |= dict.fromkeys(run for run in runs if run)
        return list(found)


def load_tables(params_root: str | Path) -> Tables:
    """Read `params_root`/tables.yaml; AcnetError naming file and key for any mistake in it."""
    file = f"{params_root}/tables.yaml"
    return build(Tables, read_mapping(file), file)


def check_names(tables: Tables, runs: Iterable[str], protocols: Iterable[str]) -> None:
    """Raise AcnetError for the first run or protocol in tables.yaml that is not among `runs` and `protocols`."""
    for name, entry in [*tables.tables.items(), *tables.figures.items()]:
        where = f"params/tables.yaml: {name}"
        for run in entry.runs.values() if isinstance(entry, Figure) else tables.trained([name]):
            among(run, runs, f"{where}: run")
        for _, protocol in entry.sources():
            among(protocol, protocols, f"{where}: protocol")
