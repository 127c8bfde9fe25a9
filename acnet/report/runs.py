"""What the page says of each run: the cells it fills, its state, and where its numbers come from."""

from typing import Any

from acnet.params.tables import Table, Tables
from acnet.progress import duration
from acnet.report.origin import Origin
from acnet.report.report import Report
from acnet.report.text import heading, number

_STATES = ("not run", "failed", "stopped", "running", "trained", "measured")


def run_entries(report: Report, *, lasting: bool = False) -> list[dict[str, Any]]:
    """Every run that the scale's tables and figures name, in the order of tables.yaml, as page.html shows it.

    `title` is a short line for tooltips, `stale` what has changed since the run was trained. With `lasting`, what may
    change is omitted.
    """
    return [_entry(run, report, lasting) for run in report.runs]


def _entry(run: str, report: Report, lasting: bool) -> dict[str, Any]:
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
