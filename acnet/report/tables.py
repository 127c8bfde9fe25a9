"""One table as CSV, Markdown and LaTeX."""

import csv
import io
from pathlib import Path

from acnet.files import write_text
from acnet.params.tables import Row, Table, load_tables
from acnet.report.cells import Cell, cells
from acnet.report.labels import measured_on
from acnet.report.latex import latex
from acnet.report.markdown import markdown
from acnet.report.results import Results, Score
from acnet.report.scale import ScaleInfo
from acnet.report.text import plain

_FIELDS = (
    "row", "method", "backbone", "ref", "column", "metric", "state", "ours", "low", "high", "std", "values", "seeds",
    "paper", "difference", "run", "protocol", "params", "beside_protocol", "beside", "measured_on", "fine_tuned",
    "validation",
)  # fmt: skip


def write_table(
    name: str, scale: ScaleInfo, *, params_root: str | Path, results_root: str | Path, out_root: str | Path
) -> list[Path]:
    """Write out_root/{scale}/tables/{name}.csv, .md and .tex; return the paths.

    Numbers are in percent. A run that is not at hand leaves its cells marked "not run". Raises AcnetError for a
    table the scale lacks and for a metrics file that lies in the wrong place.
    """
    scale.require(name)
    table = load_tables(params_root).table(name)
    rows = cells(name, table, Results(scale, results_root))
    folder = Path(out_root) / scale.name / "tables"
    texts = {
        "csv": to_csv(table, rows, scale),
        "md": markdown(name, table, rows, scale),
        "tex": latex(name, table, rows, scale),
    }
    paths = []
    for suffix, text in texts.items():
        paths.append(folder / f"{name}.{suffix}")
        write_text(paths[-1], text)
    return paths


def to_csv(table: Table, rows: list[tuple[Row, list[Cell]]], scale: ScaleInfo) -> str:
    """One line for each cell that has a number of either side or should have."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for row, row_cells in rows:
        for cell in row_cells:
            if cell.state != "empty":
                writer.writerow(_fields(table, row, cell, scale))
    return out.getvalue()


def _fields(table: Table, row: Row, cell: Cell, scale: ScaleInfo) -> dict[str, str]:
    shown = None if cell.server is not None else cell.score  # a server's score has neither seeds nor spread
    return {
        "row": row.key,
        "method": row.method,
        "backbone": row.backbone or table.backbone or "",
        "ref": str(row.ref or ""),
        "column": cell.column,
        "metric": cell.metric,
        "state": cell.state,
        "ours": plain(cell.ours),
        "low": plain(cell.interval[0] if shown and cell.interval else None),
        "high": plain(cell.interval[1] if shown and cell.interval else None),
        "std": plain(shown.std if shown else None),
        "values": ";".join(map(plain, shown.values)) if shown else "",
        "seeds": _seeds(shown),
        "paper": plain(cell.paper),
        "difference": plain(cell.difference if scale.comparable else None),
        "run": cell.run or "",
        "protocol": cell.protocol or "",
        "params": ";".join(params_files(cell, scale)),
        "beside_protocol": cell.beside_protocol or "",
        "beside": plain(cell.beside.mean if cell.beside else None),
        "measured_on": measured_on(cell),
        "fine_tuned": cell.fine_tuned or "",
        "validation": plain(cell.score.mean if cell.fine_tuned and cell.score else None),
    }


def params_files(cell: Cell, scale: ScaleInfo) -> list[str]:
    """The resolved parameters behind a measured cell, one file for each seed, under the results folder."""
    return [f"{scale.name}/{cell.run}/seed{seed}/params.yaml" for seed in (cell.score.seeds if cell.score else ())]


def _seeds(score: Score | None) -> str:
    return ";".join(map(str, score.seeds)) if score else ""
