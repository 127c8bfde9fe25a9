"""Where a table cell comes from: run, protocol, parameters with their origin, data, code, machine, files, commands."""

import difflib
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.strict import nearest
from acnet.params.tables import Row, Table, load_tables
from acnet.provenance import source_hash
from acnet.report import origin
from acnet.report.cells import NO_VALUE, NOT_RUN, Cell, cell
from acnet.report.origin import Line
from acnet.report.results import Results
from acnet.report.scale import scale_info


def trace(campaign: Campaign, name: str, row: str, column: str | None, data: Path, results: Path) -> str:
    """The origin of every cell of table `name` that `row` and `column` mean.

    `row` is a row's key, its method or the end of it, or its run; `column` a column's key, None for all. Raises
    AcnetError for a table, row or column that there is not, and for a row that no run of ours fills.
    """
    info = scale_info(campaign)
    table = load_tables(campaign.params).table(name)
    info.require(name)
    if column is not None and column not in table.all_columns:
        raise AcnetError(f"{name}: no column '{column}'{nearest(column, table.all_columns)}")
    read = Results(info, results)
    parts = []
    for entry in _rows(name, table, row):
        # Columns of one run and protocol differ in the measure only: one account serves them all.
        found: dict[str, list[Cell]] = {}
        for key in [column] if column else table.columns:
            one = cell(name, table, entry, key, read)
            if one.run:
                found.setdefault(one.run, []).append(one)
        for cells in found.values():
            parts += [_heading(name, table, entry, cells)]
            parts += [_text(_account(campaign, cells[0], seed, data, read)) for seed in info.seeds]
    return "\n".join(parts)


def _rows(name: str, table: Table, wanted: str) -> list[Row]:
    """The rows of ours that `wanted` means: by key, method or run, else those whose method ends so."""
    ours = [row for row in table.rows if row.ours]
    text = wanted.lower()
    exact = [row for row in ours if text in (row.key, row.method.lower(), *map(row.run, table.columns))]
    ending = [row for row in ours if row.method.lower().endswith("+" + text)]
    if found := exact or ending:
        return found
    if any(text in (row.key, row.method.lower()) for row in table.rows):
        raise AcnetError(f"{name}: '{wanted}' is cited from the paper; no run of ours fills it")
    known = {part for row in ours for part in (row.key, *map(row.run, table.columns)) if part}
    meant = nearest(wanted, known) if difflib.get_close_matches(wanted, known) else ""
    raise AcnetError(f"{name}: no row '{wanted}'; rows of ours: {', '.join(row.method for row in ours)}{meant}")


def _heading(name: str, table: Table, row: Row, cells: list[Cell]) -> str:
    numbers = []
    for one in cells:
        paper = "" if one.paper is None else f" (paper {one.paper:.{table.digits}f})"
        ours = f"{one.ours:.{table.digits}f}" if one.ours is not None else NO_VALUE if one.evaluated else NOT_RUN
        numbers.append(f"{table.all_columns[one.column].label} {ours}{paper}")
    backbone = f", {row.backbone}" if row.backbone else ""
    return f"{name}, {row.method}{backbone}: {', '.join(numbers)}"


def _account(campaign: Campaign, one: Cell, seed: int, data: Path, read: Results) -> list[Line]:
    run, protocol = str(one.run), str(one.protocol)
    lines = [
        ("run", f"{run}, seed {seed} at scale {campaign.scale_name}: {read.state(run, seed)}"),
        ("protocol", f"{protocol}: {origin.protocol(campaign, protocol, run)}"),
        ("metrics", origin.metrics(read, run, seed, protocol)),
        *origin.facts(campaign, run, seed, data, read, source_hash()),
    ]
    if one.fine_tuned:
        lines += [
            ("test server", f"{one.fine_tuned}, fine-tuned from this run, goes there; the number above is validation")
        ]
    lines += origin.parameters(campaign, run, seed, read)
    return lines + origin.commands(campaign, run, seed, one.table, read)


def _text(lines: list[Line]) -> str:
    width = max(len(name) for name, _ in lines)
    return "".join(f"  {name:<{width}}  {value}\n" for name, value in lines)
