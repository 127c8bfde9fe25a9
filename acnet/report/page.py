"""The page: one self-contained HTML file with claims, tables, figures and runs."""

import base64
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from acnet.files import write_text
from acnet.params.campaign import Campaign
from acnet.params.claims import gated_runs
from acnet.params.tables import Tables, load_tables
from acnet.report.cells import Cells, read_cells
from acnet.report.checks import NOT_MEASURED, VERDICTS
from acnet.report.claims import KINDS, counted, read_claims
from acnet.report.figures import curves
from acnet.report.gates import TITLE as GATES_TITLE
from acnet.report.grid import grid, interval_note, measured_on
from acnet.report.networks import Sizes, network_sizes
from acnet.report.results import Results
from acnet.report.runs import run_entries
from acnet.report.scale import ScaleInfo
from acnet.report.seeds import MOST_SEEDS
from acnet.report.tables import table_texts
from acnet.report.text import backbone, heading, number, signed

_MARKS = dict(zip(VERDICTS, "●○≈◐·–", strict=True))


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

    Tables, claims and figures are those of out_root/{scale}: cells.csv, claims.json and figures/, of which a missing
    one is named. Each run is described from its files in `results_root`, its dataset by the hash of the manifest in
    `data_root`. The file is self-contained: style, images and downloads are inside. A page to be `published` omits what
    may have changed when it is read.
    """
    tables, results, cells = load_tables(params_root), Results(scale, results_root), read_cells(scale, out_root)
    folder, claims = Path(out_root) / scale.name, read_claims(scale.name, out_root)["claims"]
    campaign = Campaign(params_root, scale.name)
    sizes = network_sizes(campaign, tables.trained(scale.tables))
    runs = run_entries(campaign, tables, results, Path(data_root), lasting=bool(published))
    html = (
        _environment()
        .get_template("page.html")
        .render(
            scale=scale,
            roles={paper: backbone(ours) for paper, ours in scale.roles.items() if backbone(ours) != paper},
            css=(Path(__file__).parent / "page.css").read_text(encoding="utf-8"),
            claims=[_claim(claim) for claim in claims],
            counts={name: counted(claims, kinds) for name, kinds in KINDS.items()},
            tables=[_table(name, tables, cells, scale, sizes) for name in scale.tables],
            figures=[(name, tables.figure(name)) for name in scale.figures],
            images=_images(folder / "figures"),
            gates=_gates(params_root, tables, results, folder),
            curves=curves(tables.trained([*scale.tables, *scale.figures]), results),
            interval_note=interval_note(scale.measures),
            runs=runs,
            titles={run["name"]: run["title"] for run in runs},
            stale={run["name"]: run["stale"] for run in runs if run["stale"]},
            measured=sum(run["state"].startswith(("measured", "trained")) for run in runs),
            lacking=[
                name
                for name, entry in [*tables.tables.items(), *tables.figures.items()]
                if name not in [*scale.tables, *scale.figures] and not getattr(entry, "on_request", False)
            ],
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
    environment.filters.update(heading=heading, measured_on=measured_on, breakable=_breakable)
    environment.filters.update(number=number, slug=lambda text: re.sub(r"\W+", "-", text).strip("-"), mark=_MARKS.get)
    return environment


def _breakable(method: str) -> Markup:
    """A method that may be broken behind each of its parts, so that a narrow screen has room for its numbers."""
    return Markup("+<wbr>").join(method.split("+"))


def _claim(claim: dict[str, Any]) -> dict[str, Any]:
    measured = claim["verdict"] != NOT_MEASURED
    ours, paper = ([step[side] for step in claim["steps"]] for side in ("ours", "paper"))
    return {
        **claim,
        "reason": claim["reason"] if not measured else None,
        "ours": _margins(ours, claim["check"]) if measured else "",
        "paper": _margins(paper, claim["check"]),
        "steps": [_step(step, claim["check"] == "count_best") for step in claim["steps"] if step["terms"]],
    }


def _step(step: dict[str, Any], counts: bool) -> dict[str, Any]:
    shown = {
        key: number(step[key], 0) if counts else signed(step[key]) for key in ("ours", "paper") if step[key] is not None
    }
    remarks = [f"paper {shown['paper']}"] if "paper" in shown else []
    for name, words in (("interval", f"{len(step['seeds'])} seeds"), ("images", "images")):
        if step[name] and not counts:
            remarks.append("{}: {} to {}".format(words, *map(signed, step[name])))
    if counts and step["interval"]:
        remarks.append("at least {:.0f}, at most {:.0f}".format(*step["interval"]))
    remarks += (
        [f"{step['needed']:,}{' or more' * (step['needed'] == MOST_SEEDS)} seeds needed"] if step["needed"] else []
    )
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


def _table(name: str, tables: Tables, cells: Cells, scale: ScaleInfo, sizes: Sizes) -> dict[str, Any]:
    table = tables.table(name)
    drawn = grid(name, table, cells, scale, sizes)
    rows = dict.fromkeys(row.key for row, _ in drawn.notes)
    texts = table_texts(name, table, cells, scale, sizes)
    return {
        "name": name,
        "table": table,
        "grid": drawn,
        "marks": {key: number for number, key in enumerate(rows, 1)},
        "mixed": not all(row.ours for row in table.rows),
        "downloads": {suffix: base64.b64encode(text.encode()).decode() for suffix, text in texts.items()},
    }


def _gates(params_root: str | Path, tables: Tables, results: Results, folder: Path) -> dict[str, Any] | None:
    """The figures and numbers of the gates, where they are measured."""
    run = next((run for run in gated_runs(params_root, tables) if results.gates(run)), None)
    drawn = all((folder / f"figures/{name}.png").exists() for name in ("gates", "gates_runs"))
    numbers = _encoded(folder / "gates.csv")
    return {"run": run, "title": GATES_TITLE, "csv": numbers} if run and drawn and numbers else None


def _images(folder: Path) -> dict[str, dict[str, str | None]]:
    """Every drawn figure by its name, as PNG and PDF."""
    kinds = ("png", "pdf")
    return {
        file.stem: {kind: _encoded(file.with_suffix(f".{kind}")) for kind in kinds} for file in folder.glob("*.png")
    }


def _encoded(path: Path) -> str | None:
    return base64.b64encode(path.read_bytes()).decode() if path.exists() else None
