"""What the page says of each run: the cells it fills, its state, and where its numbers come from."""

from pathlib import Path
from typing import Any

from acnet.params.campaign import Campaign
from acnet.params.tables import Table, Tables
from acnet.progress import duration
from acnet.provenance import changed_since, source_hash
from acnet.report import origin
from acnet.report.results import Results
from acnet.report.text import heading, number

_STATES = ("not run", "failed", "stopped", "running", "trained", "measured")


def run_entries(
    campaign: Campaign, tables: Tables, results: Results, data: Path, *, lasting: bool = False
) -> list[dict[str, Any]]:
    """Every run that the scale's tables and figures name, in the order of tables.yaml, as page.html shows it.

    `title` is a short line for tooltips, `stale` what has changed since the run was trained. With
    `lasting`, what may change is omitted: which runs are stale, and which files are here.
    """
    names = [*results.scale.tables, *results.scale.figures]
    code = None if lasting else source_hash()
    return [_entry(campaign, run, _uses(run, names, tables), results, data, code) for run in tables.trained(names)]


def _entry(
    campaign: Campaign, run: str, uses: list[tuple[str, str]], results: Results, data: Path, code: str | None
) -> dict[str, Any]:
    own = [s for s in results.scale.seeds if s in campaign.seeds(run) or results.provenance(run, s)]
    seeds = [_seed(campaign, run, seed, results, data, code) for seed in own]
    made = [provenance for seed in own if (provenance := results.provenance(run, seed))]
    commits = sorted({provenance["commit"][:10] for provenance in made if provenance.get("commit")})
    states = [seed["state"] for seed in seeds]
    done = sum(state in ("measured", "trained") for state in states)
    state = max(states, key=_STATES.index)
    if len(states) > 1 and 0 < done < len(states):
        state = f"{state}, {done} of {len(states)} seeds"
    took = duration(sum(provenance["seconds"] for provenance in made)) if made else ""
    stale = " and ".join(what for what in ("code", "parameters") if any(what in seed["changes"] for seed in seeds))
    parts = [run, state, f"commit {', '.join(commits)}" if commits else "", took, "stale" if stale else ""]
    title = " · ".join(filter(None, parts))
    return {"name": run, "state": state, "stale": stale, "uses": uses, "seeds": seeds, "took": took, "title": title}


def _seed(campaign: Campaign, run: str, seed: int, results: Results, data: Path, code: str | None) -> dict[str, Any]:
    scores = []
    for protocol in results.protocols(run, seed):
        metrics = results.metrics(run, protocol, seed) or {}
        percent = [None if metrics.get(key) is None else 100 * metrics[key] for key in ("miou", "pixacc")]
        settings = origin.protocol(campaign, protocol, run, metrics, today=bool(code))
        scores.append((protocol, *map(number, percent), settings, origin.metrics(results, run, seed, protocol)))
    made = results.provenance(run, seed)
    return {
        "seed": seed,
        "state": results.state(run, seed),
        "scores": scores,
        "facts": origin.facts(campaign, run, seed, data, results, code),
        "commands": origin.commands(campaign, run, seed, [], results),
        "params": origin.parameters(campaign, run, seed, results, today=bool(code)),
        "changes": changed_since(made, campaign.resolve(run, seed), code) if made and code else [],
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
