"""The page: one self-contained HTML file with claims, tables, figures and runs."""

import base64
from collections import Counter
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from acnet.files import write_text
from acnet.params.campaign import Campaign
from acnet.params.claims import gated_runs
from acnet.params.tables import Tables, load_tables
from acnet.report.cells import cells
from acnet.report.checks import NOT_MEASURED, Step
from acnet.report.claims import VERDICTS, Judged, by_construction, findings, judge_claims
from acnet.report.gates import TITLE as GATES_TITLE
from acnet.report.grid import grid
from acnet.report.labels import about, beside, interval_note, measured_on, notes
from acnet.report.latex import latex
from acnet.report.markdown import markdown
from acnet.report.results import Results
from acnet.report.runs import run_entries
from acnet.report.scale import ScaleInfo
from acnet.report.tables import to_csv
from acnet.report.text import backbone, heading, headings, number, signed

_MARKS = {"held": "●", "within noise": "◐", "not held": "○", "not measured": "–"}


def write_page(
    scale: ScaleInfo,
    *,
    params_root: str | Path,
    results_root: str | Path,
    out_root: str | Path,
    data_root: str | Path = "data",
    published: Path | None = None,
) -> Path:
    """Write out_root/{scale}/index.html, or `published`, and return its path.

    Tables and claims are made afresh from the runs at hand; figures are those in out_root/{scale}/figures, a missing
    one being named; the manifests of data_root are named with their hash. The file needs nothing beside it: style,
    images and downloads are inside. A page to be `published` states nothing that may be otherwise when it is read.
    """
    tables, results = load_tables(params_root), Results(scale, results_root)
    folder = Path(out_root) / scale.name
    claims = judge_claims(params_root, tables, results)
    runs = run_entries(Campaign(params_root, scale.name), tables, results, Path(data_root), lasting=bool(published))
    html = (
        _environment()
        .get_template("page.html")
        .render(
            scale=scale,
            roles={paper: backbone(ours) for paper, ours in scale.roles.items() if backbone(ours) != paper},
            css=(Path(__file__).parent / "page.css").read_text(encoding="utf-8"),
            claims=[_claim(judged) for judged in claims],
            verdicts=_verdicts(findings(claims)),
            sure=_verdicts(by_construction(claims)),
            tables=[_table(name, tables, results) for name in scale.tables],
            figures=[_figure(name, tables, folder) for name in scale.figures],
            gates=_gates(params_root, tables, results, folder),
            curves=_image(folder / "figures" / "curves.png"),
            interval_note=interval_note(scale.measures),
            runs=runs,
            titles={run.name: run.title for run in runs},
            stale={run.name: run.stale for run in runs if run.stale},
            measured=sum(run.state.startswith(("measured", "trained")) for run in runs),
            lacking=[name for name in [*tables.tables, *tables.figures] if name not in [*scale.tables, *scale.figures]],
        )
    )
    path = published or folder / "index.html"
    write_text(path, html)
    return path


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(heading=heading, headings=headings, measured_on=measured_on, breakable=_breakable)
    return environment


def _breakable(method: str) -> Markup:
    """A method that may be broken behind each of its parts, so that a narrow screen has room for its numbers."""
    return Markup("+<wbr>").join(method.split("+"))


def _verdicts(claims: list[Judged]) -> list[dict[str, Any]]:
    counts = Counter(judged.verdict for judged in claims)
    return [{"name": v, "mark": _MARKS[v], "count": counts[v], "slug": _slug(v)} for v in VERDICTS]


def _claim(judged: Judged) -> dict[str, Any]:
    steps = [step for step in judged.steps if step.terms]
    return {
        "name": judged.name,
        "claim": judged.claim,
        "verdict": judged.verdict,
        "mark": _MARKS[judged.verdict],
        "slug": _slug(judged.verdict),
        "reason": judged.reason if judged.verdict == NOT_MEASURED else None,
        "ours": "" if judged.verdict == NOT_MEASURED else _margins([step.ours for step in judged.steps], judged),
        "paper": _margins([step.paper for step in judged.steps], judged),
        "steps": [_step(step, judged) for step in steps],
    }


def _step(step: Step, judged: Judged) -> dict[str, Any]:
    counts = judged.claim.check == "count_best"
    show = (lambda value: number(value, 0)) if counts else signed
    return {
        "label": step.label,
        "ours": None if step.ours is None else show(step.ours),
        "paper": None if step.paper is None else show(step.paper),
        "noise": None if step.noise is None else number(step.noise),
        "interval": f"{signed(step.interval[0])} to {signed(step.interval[1])}" if step.interval else None,
        "mark": _MARKS[step.verdict],
        "slug": _slug(step.verdict),
        "verdict": step.verdict,
        "terms": [(term, number(term.ours), number(term.paper)) for term in step.terms] if not counts else [],
    }


def _margins(values: list[float | None], judged: Judged) -> str:
    """The margin, or the smallest of several, which decides."""
    known = [value for value in values if value is not None]
    if not known or judged.claim.check == "reached":
        return ""
    if judged.claim.check == "count_best":
        return number(known[0], 0)
    return signed(min(known)) if len(values) == 1 else f"≥ {signed(min(known))}"


def _table(name: str, tables: Tables, results: Results) -> dict[str, Any]:
    table = tables.table(name)
    rows = cells(name, table, results)
    marks = {key: number for number, key in enumerate(dict.fromkeys(key for key, _ in notes(table, rows)), 1)}
    texts = {
        "csv": to_csv(table, rows, results.scale),
        "md": markdown(name, table, rows, results.scale),
        "tex": latex(name, table, rows, results.scale),
    }
    return {
        "name": name,
        "table": table,
        "about": about(table, results.scale),
        "grid": grid(table, rows, results.scale),
        "beside": beside(table, results.scale) if table.beside else None,
        "notes": [(marks[key], table.row(key).method, text) for key, text in notes(table, rows)],
        "marks": marks,
        "ours": {row.key for row in table.rows if row.ours},
        "mixed": not all(row.ours for row in table.rows),
        "downloads": {suffix: _encoded(text.encode()) for suffix, text in texts.items()},
    }


def _figure(name: str, tables: Tables, folder: Path) -> dict[str, Any]:
    return {"name": name, "figure": tables.figure(name), "image": _image(folder / "figures" / f"{name}.png")}


def _gates(params_root: str | Path, tables: Tables, results: Results, folder: Path) -> dict[str, Any] | None:
    """The figures and numbers of the gates, where they are measured."""
    run = next((run for run in gated_runs(params_root, tables) if results.gates(run)), None)
    image, every = (_image(folder / "figures" / f"{name}.png") for name in ("gates", "gates_runs"))
    numbers = folder / "gates.csv"
    if not run or not image or not every or not numbers.exists():
        return None
    return {"run": run, "image": image, "every": every, "title": GATES_TITLE, "csv": _encoded(numbers.read_bytes())}


def _image(path: Path) -> str | None:
    return _encoded(path.read_bytes()) if path.exists() else None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _slug(text: str) -> str:
    return text.replace(" ", "-")
