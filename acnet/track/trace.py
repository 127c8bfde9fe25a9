"""Where a table cell comes from: run, protocol, parameters with their origin, data, code, machine, files, commands."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import digest, sha256
from acnet.params.campaign import Campaign
from acnet.params.strict import nearest
from acnet.params.tables import Row, Table, load_tables
from acnet.progress import duration
from acnet.provenance import source_hash
from acnet.report.cells import NO_VALUE, NOT_RUN, Cell, cell
from acnet.report.results import Results
from acnet.report.scale import scale_info

Line = tuple[str, str]


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
    methods = [row.method for row in ours]
    raise AcnetError(f"{name}: no row '{wanted}'; rows of ours: {', '.join(methods)}")


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
    folder = read.seed_folder(run, seed)
    now = campaign.resolve(run, seed)
    params, made = read.params(run, seed) or now.values, read.provenance(run, seed) or {}
    steps = dataclasses.asdict(campaign.protocol(protocol, run))
    checkpoint = folder / "checkpoint.pt"
    lines = [
        ("run", f"{run}, seed {seed} at scale {campaign.scale_name}: {read.state(run, seed)}"),
        ("protocol", f"{protocol}: " + ", ".join(f"{key} {value}" for key, value in steps.items() if key != "name")),
        ("metrics", _file(folder / "metrics" / f"{protocol}.json")),
        ("dataset", f"{params['dataset']}: {_file(data / params['dataset'] / 'manifest.json')}"),
        ("checkpoint", f"{checkpoint}, SHA-256 {made.get('checkpoint_sha256', 'unknown')}{_absent(checkpoint)}"),
        ("initial weights", params["init"]["name"]),
    ]
    if made:
        versions = ", ".join(f"{package} {version}" for package, version in made["versions"].items())
        lines += [
            ("commit", f"{made['commit']}{', with uncommitted changes' if made['dirty'] else ''}"),
            ("source", made["source_hash"]),
            ("trained", f"{made['started']} to {made['finished']}, {duration(made['seconds'])} ({_hours(made)} h)"),
            ("device", f"{made['device']}, {made['precision']}, threads: {made['threads']}"),
            ("versions", versions),
            ("stale", "; ".join(_changes(made, now.values)) or "no: code and parameters are those of today"),
        ]
    if one.fine_tuned:
        lines += [
            ("test server", f"{one.fine_tuned}, fine-tuned from this run, goes there; the number above is validation")
        ]
    lines += _parameters(params, now.values, {key: str(origin) for key, origin in now.origins.items()})
    config = f"--config scale={campaign.scale_name}"
    lines += [
        ("get it", f"snakemake --cores 1 restore {config} only={one.table}"),
        ("", f"dvc exp apply {campaign.scale_name}-{run}-seed{seed}"),
        ("make it again", f"snakemake --cores all runs --forcerun {checkpoint} {config} runs={run}"),
    ]
    return lines


def _changes(made: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What has changed since a run was trained."""
    code = "yes: code of data, model, training or evaluation has changed" * (made["source_hash"] != source_hash())
    params = "yes: parameters have changed" * (made["params_hash"] != digest(now))
    return [text for text in (code, params) if text]


def _parameters(params: Mapping[str, Any], now: Mapping[str, Any], origins: Mapping[str, str]) -> list[Line]:
    lines = []
    for section in ("model", "train"):
        for key, value in params[section].items():
            changed = f"  (today {now[section].get(key)})" if now[section].get(key) != value else ""
            lines.append(
                (f"{section}.{key}", f"{value}{changed}  # {origins.get(f'{section}.{key}', 'of an older version')}")
            )
    return lines


def _hours(made: Mapping[str, Any]) -> str:
    return f"{made['seconds'] / 3600:.3f}"


def _file(path: Path) -> str:
    return f"{path}, SHA-256 {sha256(path)}" if path.exists() else f"{path}, not here"


def _absent(path: Path) -> str:
    return "" if path.exists() else ", not here"


def _text(lines: list[Line]) -> str:
    width = max(len(name) for name, _ in lines)
    return "".join(f"  {name:<{width}}  {value}\n" for name, value in lines)
