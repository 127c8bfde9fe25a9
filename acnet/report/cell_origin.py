"""Where a table cell comes from: run, protocol, parameters with their origin, data, code, machine, files, commands."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.scales import misspelt
from acnet.params.schema import nearest
from acnet.params.tables import Row, Table
from acnet.report.cells import Cell, table_cells
from acnet.report.origin import Line, Origin
from acnet.report.results import Results
from acnet.report.scale import scale_info
from acnet.report.text import number


@dataclasses.dataclass(frozen=True)
class Roots:
    """The folders to read."""

    data: Path
    results: Path
    logs: Path


# Of a run, a seed and a table: the commands that bring what is needed back.
Fetch = Callable[[str, int, str], list[str]]


def trace(campaign: Campaign, name: str, row: str, column: str | None, roots: Roots, fetch: Fetch) -> str:
    """The origin of every cell of table `name` that `row` and `column` mean; of several rows, a list to choose from.

    `row` is a row's key, its method or the end of it, or its run; `column` a column's key, None for all. Raises
    AcnetError for an unknown table, row or column, and for a row that no run of ours fills.
    """
    table, read, found = _found(campaign, name, row, column, roots)
    if len(found) > 1:
        width, first = max(map(len, found)), {key: next(iter(cells.values())) for key, cells in found.items()}
        lines = [f"  {key:<{width}}  {_heading(table, cells)}\n" for key, cells in first.items()]
        return "".join([f"{name}: '{row}' means {len(found)} rows; name one by its key:\n", *lines])
    parts = []
    (by_run,) = found.values()
    for run, cells in by_run.items():
        parts += [f"{name}, {_heading(table, cells)}"]
        for seed in campaign.seeds(run):
            parts.append(_text(_lines(Origin(campaign, read, run, seed), cells[0], roots.data, fetch)))
    return "\n".join(parts)


def traced(campaign: Campaign, name: str, row: str, column: str | None, roots: Roots, fetch: Fetch) -> list[dict]:
    """As `trace`, as plain values: an entry for each run and seed of every matching row."""
    _, read, found = _found(campaign, name, row, column, roots)
    every = [(run, cells) for by_run in found.values() for run, cells in by_run.items()]
    return [
        _plain(Origin(campaign, read, run, seed), cells, fetch) for run, cells in every for seed in campaign.seeds(run)
    ]


def _plain(origin: Origin, cells: list[Cell], fetch: Fetch) -> dict[str, Any]:
    run, seed, protocol = origin.run, origin.seed, str(cells[0].protocol)
    measured = origin.read.metrics(run, protocol, seed) or {}
    return {
        "run": run,
        "seed": seed,
        "scale": origin.campaign.scale_name,
        "state": origin.read.state(run, seed),
        "stale": origin.changes if origin.made else None,
        "cells": [dataclasses.asdict(cell) for cell in cells],
        "protocol": measured.get("protocol") or origin.campaign.protocol(protocol, run).identity(),
        "provenance": origin.made,
        "params": origin.known.values(),
        "origins": {name: str(one) for name, one in origin.origins.items()},
        "folder": str(origin.folder),
        "restore": fetch(run, seed, cells[0].table),
        "reproduce": origin.again,
        "from_its_commit": origin.recipe(),
    }


def _found(
    campaign: Campaign, name: str, row: str, column: str | None, roots: Roots
) -> tuple[Table, Results, dict[str, dict[str, list[Cell]]]]:
    """The table, the results, and the matching cells by row and run."""
    info = scale_info(campaign, roots.results)
    table = campaign.tables.table(name)
    info.require(name)
    if column is not None and column not in table.all_columns:
        raise AcnetError(f"{name}: no column '{column}'{nearest(column, table.all_columns)}")
    read, rows = Results(info, roots.results, roots.logs), _rows(name, table, row)
    found = {entry.key: cells for entry in rows if (cells := _cells(name, table, entry, column, read))}
    if not found:
        raise AcnetError(f"{name}: no run of ours fills column '{column}' of row '{row}'")
    return table, read, found


def _cells(name: str, table: Table, row: Row, column: str | None, read: Results) -> dict[str, list[Cell]]:
    """The cells of a row by their run: columns of one run differ in the metric only and have the same origin."""
    found: dict[str, list[Cell]] = {}
    cells = table_cells(name, dataclasses.replace(table, rows=[row]), read)
    for key in [column] if column else table.columns:
        one = cells[name, row.key, key]
        if one.run:
            found.setdefault(one.run, []).append(one)
    return found


def _rows(name: str, table: Table, wanted: str) -> list[Row]:
    """The rows of ours that `wanted` means: by key, else by method, by run, or by the end of the method."""
    ours = [row for row in table.rows if row.ours]
    text = wanted.lower()
    ending = re.compile(rf"(^|[ +,]){re.escape(text)}$")
    for means in (
        lambda row: row.key == text,
        lambda row: row.method.lower() == text,
        lambda row: text in (str(row.run(column)).lower() for column in table.columns),
        lambda row: ending.search(row.method.lower()),
    ):
        if found := list(filter(means, ours)):
            return found
    if any(text in (row.key, row.method.lower()) for row in table.rows):
        raise AcnetError(f"{name}: '{wanted}' is cited from the paper; no run of ours fills it")
    known = {part for row in ours for part in (row.key, *map(row.run, table.columns)) if part}
    methods = ", ".join(row.method for row in ours)
    raise AcnetError(f"{name}: no row '{wanted}'; rows of ours: {methods}{misspelt(wanted, known)}")


def _heading(table: Table, cells: list[Cell]) -> str:
    row, numbers = table.row(cells[0].row), []
    for one in cells:
        paper = "" if one.paper is None else f" (paper {number(one.paper, table.digits)})"
        ours = one.state if one.ours is None else number(one.ours, table.digits)
        numbers.append(f"{table.all_columns[one.column].label} {ours}{paper}")
    backbone = f", {row.backbone}" if row.backbone else ""
    return f"{row.method}{backbone}: {', '.join(numbers)}"


def _lines(origin: Origin, one: Cell, data: Path, fetch: Fetch) -> list[Line]:
    run, seed, protocol = origin.run, origin.seed, str(one.protocol)
    return [
        ("run", f"{run}, seed {seed} at scale {origin.campaign.scale_name}: {_state(origin)}"),
        ("protocol", f"{protocol}: {origin.protocol(protocol)}"),
        ("metrics", origin.metrics(protocol)),
        *origin.facts(data),
        *([("test server", _server(one, origin.read))] if one.fine_tuned else []),
        *origin.parameters(),
        *origin.commands(fetch(run, seed, one.table)),
    ]


def _server(one: Cell, read: Results) -> str:
    """Where the number of a cell comes from whose run is fine-tuned for a test server."""
    answer = read.server(one.table)
    if one.server is None or answer is None:
        return f"gets {one.fine_tuned}, fine-tuned from this run; the number above is this run's validation score"
    said = [f"the number above is its score of {one.fine_tuned}, fine-tuned from this run"]
    said += [f"{key} {value}" for key, value in answer.submission.items() if key != "run"]
    return ", ".join(said + ([answer.note] if answer.note else []))


def _state(origin: Origin) -> str:
    """How far a run has come, in the words of `acnet status` where it has no result."""
    state = origin.read.state(origin.run, origin.seed)
    detail = "" if state in ("measured", "trained") else origin.read.unfinished(origin.run, origin.seed).detail
    return f"{state}: {detail}" if detail else state


def _text(lines: list[Line]) -> str:
    width = max(len(name) for name, _ in lines)
    return "".join(f"  {name:<{width}}  {value}\n" for name, value in lines)
