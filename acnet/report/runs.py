"""What the page says of each run: the cells it fills, its state, and where its numbers come from."""

import dataclasses
from datetime import datetime

from acnet.params.tables import Table, Tables
from acnet.progress import duration
from acnet.report.results import Results
from acnet.report.text import heading, number


@dataclasses.dataclass(frozen=True)
class Use:
    """A place that a run fills: the anchor of a table or figure, and what it is there."""

    anchor: str
    text: str


@dataclasses.dataclass(frozen=True)
class SeedEntry:
    """One training of a run: its scores as (protocol, mIoU, PixAcc), facts as (name, value), and its parameters."""

    seed: int
    state: str
    scores: list[tuple[str, str, str]]
    facts: list[tuple[str, str]]
    params: str | None


@dataclasses.dataclass(frozen=True)
class RunEntry:
    """A run with all its seeds; `title` is a short line for tooltips."""

    name: str
    state: str
    uses: list[Use]
    seeds: list[SeedEntry]
    took: str
    title: str


def run_entries(tables: Tables, results: Results) -> list[RunEntry]:
    """Every run that the scale's tables and figures name, in the order of tables.yaml."""
    names = [*results.scale.tables, *results.scale.figures]
    return [_entry(run, _uses(run, names, tables), results) for run in tables.trained(names)]


def _entry(run: str, uses: list[Use], results: Results) -> RunEntry:
    seeds = [_seed(run, seed, results) for seed in results.scale.seeds]
    seconds = [p["seconds"] for seed in results.scale.seeds if "seconds" in (p := results.provenance(run, seed) or {})]
    commits = {
        p["commit"][:10] for seed in results.scale.seeds if (p := results.provenance(run, seed) or {}).get("commit")
    }
    states = [seed.state for seed in seeds]
    done = sum(state in ("measured", "trained") for state in states)
    state = max(states, key=("not run", "in training", "trained", "measured").index)
    if len(states) > 1 and 0 < done < len(states):
        state = f"{state}, {done} of {len(states)} seeds"
    took = duration(sum(seconds)) if seconds else ""
    title = " · ".join(
        [run, state, *([f"commit {', '.join(sorted(commits))}"] if commits else []), *([took] if took else [])]
    )
    return RunEntry(run, state, uses, seeds, took, title)


def _seed(run: str, seed: int, results: Results) -> SeedEntry:
    scores = []
    for protocol in results.protocols(run, seed):
        metrics = results.metrics(run, protocol, seed) or {}
        percent = [None if metrics.get(key) is None else 100 * metrics[key] for key in ("miou", "pixacc")]
        scores.append((protocol, *map(number, percent)))
    facts = _facts(results.provenance(run, seed) or {}, results.params(run, seed) or {})
    return SeedEntry(seed, results.state(run, seed), scores, facts, results.params_text(run, seed))


def _facts(provenance: dict, params: dict) -> list[tuple[str, str]]:
    versions = provenance.get("versions") or {}
    commit = provenance.get("commit")
    if commit and provenance.get("dirty"):
        commit += ", with uncommitted changes"
    pairs = [
        ("dataset", params.get("dataset")),
        ("commit", commit),
        ("started", _time(provenance.get("started"))),
        ("finished", _time(provenance.get("finished"))),
        ("took", duration(provenance["seconds"]) if "seconds" in provenance else None),
        ("device", provenance.get("device")),
        ("threads", provenance.get("threads")),
        ("precision", provenance.get("precision")),
        ("initial weights", provenance.get("initial_weights")),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("source", provenance.get("source_hash")),
        ("parameters", provenance.get("params_hash")),
        ("checkpoint", provenance.get("checkpoint_sha256")),
    ]
    return [(name, str(value)) for name, value in pairs if value]


def _time(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return text


def _uses(run: str, names: list[str], tables: Tables) -> list[Use]:
    found = []
    for name in names:
        if name in tables.tables:
            found += [Use(name, f"{heading(name)}, {text}") for text in _rows(run, tables.tables[name])]
        elif run in tables.figures[name].runs.values():
            found.append(Use(name, heading(name)))
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
