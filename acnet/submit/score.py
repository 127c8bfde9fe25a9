"""A test server's answer, written where the report reads it."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from acnet.errors import AcnetError
from acnet.files import write_text
from acnet.params.strict import nearest
from acnet.params.tables import Table, load_tables


def record_score(
    params_root: Path,
    folder: Path,
    run: str,
    scores: Mapping[str, float],
    per_class: Mapping[str, float],
    note: str | None,
) -> Path:
    """Write {folder}/server/{table}.yaml for the table whose row names `run` as its submission; the file's path.

    `scores` by metric (miou, final_score) and `per_class` are in percent. Raises AcnetError for a run that no table
    submits, a metric or class the table does not show, and a number that is no percentage.
    """
    tables = load_tables(params_root).tables
    submitted = {row.server: (name, table) for name, table in tables.items() for row in table.rows if row.server}
    if run not in submitted:
        raise AcnetError(f"run '{run}': no table submits it{nearest(run, submitted)}")
    name, table = submitted[run]
    _check(name, table, scores, per_class)
    values = {**scores, "per_class": dict(per_class) or None, "note": note}
    path = folder / "server" / f"{name}.yaml"
    write_text(path, yaml.safe_dump({k: v for k, v in values.items() if v is not None}, sort_keys=False))
    return path


def _check(name: str, table: Table, scores: Mapping[str, float], per_class: Mapping[str, float]) -> None:
    metrics = {column.metric for column in table.columns.values()}
    if not scores:
        raise AcnetError(f"{name}: no score given; it shows {', '.join(sorted(metrics))}")
    for given, known in ((scores, metrics), (per_class, table.per_class or ())):
        for key, value in given.items():
            if key not in known:
                raise AcnetError(f"{name}: does not show '{key}'{nearest(key, known)}")
            if not 0 <= value <= 100:
                raise AcnetError(f"{name}: {key}: {value} is no percentage")
    if all(value <= 1 for value in scores.values()):
        raise AcnetError(f"{name}: {dict(scores)} look like fractions; give percent, such as 81.2")
