"""The page: one self-contained HTML file with claims, tables, figures and runs."""

import base64
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from acnet.files import write_text
from acnet.params.claims import gated_run
from acnet.params.tables import Table, Tables
from acnet.progress import duration
from acnet.report.cells import Cells, read_cells
from acnet.report.checks import NOT_MEASURED, VERDICTS
from acnet.report.claims import read_claims
from acnet.report.figures import curves
from acnet.report.gates import TITLE as GATES_TITLE
from acnet.report.grid import grid, interval_note, measured_on
from acnet.report.origin import Origin
from acnet.report.report import Report
from acnet.report.tables import table_texts
from acnet.report.text import backbone, heading, number, signed
from acnet.report.uncertainty import MOST_SEEDS

_STATES = ("not run", "failed", "stopped", "running", "trained", "measured")
_MARKS = dict(zip(VERDICTS, "●○≈◐·–", strict=True))


def write_page(report: Report, published: Path | None = None) -> Path:
    """Write index.html, or `published`, and return its path.

    Tables, claims and figures are those at hand: cells.csv, claims.json and figures/, of which a missing one is named.
    Each run is described from its files, its dataset by the hash of its manifest. The file is self-contained: style,
    images and downloads are inside. A page to be `published` omits what may have changed when it is read.
    """
    scale, tables, cells, claims = report.scale, report.tables, read_cells(report), read_claims(report.folder)
    runs, entries = [_run(run, report, bool(published)) for run in report.runs], tables.tables | tables.figures
    html = _environment().get_template("page.html").render(
        scale=scale,
        roles={paper: backbone(ours) for paper, ours in scale.roles.items() if backbone(ours) != paper},
        css=(Path(__file__).parent / "page.css").read_text(encoding="utf-8"),
        claims=[_claim(claim, scale.rule.margin) for claim in claims["claims"]],
        counts=claims["counts"],
        tables=[_table(name, cells, report) for name in scale.tables],
        figures=[(name, tables.figure(name)) for name in scale.figures],
        images=_images(report.folder / "figures"),
        gates=_gates(report),
        curves=curves(report.runs, report.results),
        interval_note=interval_note(scale, report.runs),
        runs=runs,
        titles={run["name"]: run["title"] for run in runs},
        stale={run["name"]: run["stale"] for run in runs if run["stale"]},
        measured=sum(run["state"].startswith(("measured", "trained")) for run in runs),
        trained_seeds=sorted({it["seed"] for run in runs for it in run["seeds"] if it["state"] in _STATES[-2:]}),
        lacking=[it for it in entries if it not in scale.shown and not getattr(entries[it], "on_request", False)],
    )  # fmt: skip
    path = published or report.folder / "index.html"
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
    environment.filters.update(heading=heading, measured_on=measured_on, breakable=_breakable)
    environment.filters.update(number=number, slug=lambda text: re.sub(r"\W+", "-", text).strip("-"), mark=_MARKS.get)
    return environment


def _breakable(method: str) -> Markup:
    """A method that may be broken behind each of its parts, so that a narrow screen has room for its numbers."""
    return Markup("+<wbr>").join(method.split("+"))


def _claim(claim: dict[str, Any], margin: float) -> dict[str, Any]:
    measured = claim["verdict"] != NOT_MEASURED
    ours, paper = ([step[side] for step in claim["steps"]] for side in ("ours", "paper"))
    return {
        **claim,
        "ours": _margins(ours, claim["check"]) if measured else "",
        "paper": _margins(paper, claim["check"]),
        "steps": [_step(step, claim["check"] == "count_best", margin) for step in claim["steps"] if step["terms"]],
    }


def _step(step: dict[str, Any], counts: bool, margin: float) -> dict[str, Any]:
    shown = {
        key: number(step[key], 0) if counts else signed(step[key]) for key in ("ours", "paper") if step[key] is not None
    }
    remarks = [f"paper {shown['paper']}"] if "paper" in shown else []
    for name, words in (("interval", f"{len(step['seeds'])} seeds"), ("images", "images")):
        if step[name] and not counts:
            remarks.append("{}: {} to {}".format(words, *map(signed, step[name])))
    if counts and step["interval"]:
        remarks.append("at least {:.0f}, at most {:.0f}".format(*step["interval"]))
    if (step["needed"] or 0) > len(step["seeds"]):
        difference = "the paper's difference" if step["paper"] else f"{margin} points"
        more = " or more" * (step["needed"] == MOST_SEEDS)
        remarks.append(f"{step['needed']:,}{more} seeds needed to detect {difference}")
    terms = [] if counts else step["terms"]
    return {**step, "ours": shown.get("ours"), "remarks": ", ".join(remarks), "terms": terms}


def _margins(values: list[float | None], check: str) -> str:
    """The margin, or the smallest of several, which decides."""
    known = [value for value in values if value is not None]
    if not known or check == "reached":
        return ""
    if check == "count_best":
        return number(known[0], 0)
    return signed(min(known)) if len(values) == 1 else f"min {signed(min(known))}"


def _table(name: str, cells: Cells, report: Report) -> dict[str, Any]:
    table, drawn = report.tables.table(name), grid(name, cells, report)
    rows = dict.fromkeys(row.key for row, _ in drawn.notes)
    texts = table_texts(drawn, cells, report)
    return {
        "name": name,
        "table": table,
        "grid": drawn,
        "marks": {key: number for number, key in enumerate(rows, 1)},
        "mixed": not all(row.ours for row in table.rows),
        "quoted": all(row.paper or row.per_class for row in table.rows),
        "downloads": {suffix: base64.b64encode(text.encode()).decode() for suffix, text in texts.items()},
    }


def _run(run: str, report: Report, lasting: bool) -> dict[str, Any]:
    """What the page says of a run: the cells it fills, its state, and where its numbers come from.

    `title` is a short line for tooltips, `stale` what has changed since the run was trained. With `lasting`, what may
    change is omitted.
    """
    every = [Origin(report.campaign, report.results, run, seed, lasting) for seed in report.scale.seeds]
    own = [origin for origin in every if origin.seed in report.campaign.seeds(run) or origin.made]
    seeds, made = [_seed(origin, report) for origin in own], [origin.made for origin in own if origin.made]
    commits = sorted({provenance["commit"][:10] for provenance in made if provenance.get("commit")})
    states = [seed["state"] for seed in seeds]
    done = sum(state in ("measured", "trained") for state in states)
    state = max(states, key=_STATES.index)
    if 0 < done < len(states):
        state = f"{state}, {done} of {len(states)} seeds"
    took = duration(sum(provenance["seconds"] for provenance in made)) if made else ""
    stale = " and ".join(what for what in ("code", "parameters") if any(what in seed["changes"] for seed in seeds))
    parts = [run, state, f"commit {', '.join(commits)}" if commits else "", took, "stale" if stale else ""]
    uses, title = _uses(run, report.scale.shown, report.tables), " · ".join(filter(None, parts))
    return {"name": run, "state": state, "stale": stale, "uses": uses, "seeds": seeds, "took": took, "title": title}


def _seed(origin: Origin, report: Report) -> dict[str, Any]:
    scores = []
    for protocol in report.results.protocols(origin.run, origin.seed):
        metrics = report.results.metrics(origin.run, protocol, origin.seed)
        percent = [None if metrics.get(key) is None else 100 * metrics[key] for key in ("miou", "pixacc")]
        scores.append((protocol, *map(number, percent), origin.protocol(protocol), origin.metrics(protocol)))
    return {
        "seed": origin.seed,
        "state": report.results.state(origin.run, origin.seed),
        "scores": scores,
        "facts": origin.facts(report.data_root),
        "commands": origin.commands(),
        "params": origin.parameters(),
        "changes": origin.changes,
    }


def _uses(run: str, names: list[str], tables: Tables) -> list[tuple[str, str]]:
    """The places that a run fills: the table or figure, and what the run is there."""
    found = []
    for name in names:
        if name in tables.tables:
            found += [(name, f"{heading(name)}, {text}") for text in _rows(run, tables.tables[name])]
        elif run in tables.figures[name].runs.values():
            found.append((name, heading(name)))
    return found


def _rows(run: str, table: Table) -> list[str]:
    texts = []
    for row in table.rows:
        columns = [column.label for key, column in table.columns.items() if row.run(key) == run]
        if columns:
            texts.append(row.method + (f" ({', '.join(columns)})" if len(table.columns) > len(columns) else ""))
        if row.server == run:
            texts.append(f"{row.method} (for the test server)")
    return texts


def _gates(report: Report) -> dict[str, Any] | None:
    """The figures and numbers of the gates, where they are measured."""
    run = gated_run(report.params_root, report.tables)
    drawn = all((report.folder / f"figures/{name}.png").exists() for name in ("gates", "gates_runs"))
    numbers = _encoded(report.folder / "gates.csv")
    found = run and report.results.gates(run) and drawn and numbers
    return {"run": run, "title": GATES_TITLE, "csv": numbers} if found else None


def _images(folder: Path) -> dict[str, dict[str, str | None]]:
    """Every drawn figure by its name, as PNG and PDF."""
    kinds = ("png", "pdf")
    return {
        file.stem: {kind: _encoded(file.with_suffix(f".{kind}")) for kind in kinds} for file in folder.glob("*.png")
    }


def _encoded(path: Path) -> str | None:
    return base64.b64encode(path.read_bytes()).decode() if path.exists() else None
