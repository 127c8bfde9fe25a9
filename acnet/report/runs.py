"""What the page says of each run: the cells it fills, its state, and where its numbers come from."""

import dataclasses
from pathlib import Path

from acnet.params.campaign import Campaign
from acnet.params.tables import Table, Tables
from acnet.progress import duration
from acnet.provenance import changed_since, source_hash
from acnet.report import origin
from acnet.report.results import Results
from acnet.report.text import heading, number

_STATES = ("not run", "failed", "stopped", "running", "trained", "measured")


@dataclasses.dataclass(frozen=True)
class Use:
    """A place that a run fills: the anchor of a table or figure, and what it is there."""

    anchor: str
    text: str


@dataclasses.dataclass(frozen=True)
class ScoreEntry:
    """What a run scored by a protocol: mIoU and PixAcc, the protocol's settings and the file of the metrics."""

    protocol: str
    miou: str
    pixacc: str
    settings: str
    file: str


@dataclasses.dataclass(frozen=True)
class SeedEntry:
    """One training of a run: its scores, its facts and commands as (name, value), and its params.yaml.

    `changes` is what has changed since, code or parameters, if the training is stale.
    """

    seed: int
    state: str
    scores: list[ScoreEntry]
    facts: list[origin.Line]
    commands: list[origin.Line]
    params: list[origin.Line]
    changes: list[str]


@dataclasses.dataclass(frozen=True)
class RunEntry:
    """A run with all its seeds; `title` is a short line for tooltips, `stale` what has changed since, or empty."""

    name: str
    state: str
    stale: str
    uses: list[Use]
    seeds: list[SeedEntry]
    took: str
    title: str


def run_entries(
    campaign: Campaign, tables: Tables, results: Results, data: Path, *, lasting: bool = False
) -> list[RunEntry]:
    """Every run that the scale's tables and figures name, in the order of tables.yaml.

    A `lasting` account leaves out what may be otherwise tomorrow: which runs are stale, and which files are here.
    """
    names = [*results.scale.tables, *results.scale.figures]
    code = None if lasting else source_hash()
    entries = []
    for run in tables.trained(names):
        uses = _uses(run, names, tables)
        seeds = [_seed(campaign, run, seed, results, data, code) for seed in results.scale.seeds]
        entries.append(_entry(run, uses, seeds, results))
    return entries


def _entry(run: str, uses: list[Use], seeds: list[SeedEntry], results: Results) -> RunEntry:
    made = [provenance for seed in seeds if (provenance := results.provenance(run, seed.seed))]
    commits = sorted({provenance["commit"][:10] for provenance in made if provenance.get("commit")})
    states = [seed.state for seed in seeds]
    done = sum(state in ("measured", "trained") for state in states)
    state = max(states, key=_STATES.index)
    if len(states) > 1 and 0 < done < len(states):
        state = f"{state}, {done} of {len(states)} seeds"
    took = duration(sum(provenance["seconds"] for provenance in made)) if made else ""
    changes = [what for what in ("code", "parameters") if any(what in seed.changes for seed in seeds)]
    parts = [run, state, f"commit {', '.join(commits)}" if commits else "", took, "stale" if changes else ""]
    return RunEntry(run, state, " and ".join(changes), uses, seeds, took, " · ".join(filter(None, parts)))


def _seed(campaign: Campaign, run: str, seed: int, results: Results, data: Path, code: str | None) -> SeedEntry:
    scores = []
    for protocol in results.protocols(run, seed):
        metrics = results.metrics(run, protocol, seed) or {}
        percent = [None if metrics.get(key) is None else 100 * metrics[key] for key in ("miou", "pixacc")]
        settings = origin.protocol(campaign, protocol, run, metrics, today=bool(code))
        scores.append(
            ScoreEntry(protocol, *map(number, percent), settings, origin.metrics(results, run, seed, protocol))
        )
    made = results.provenance(run, seed)
    return SeedEntry(
        seed,
        results.state(run, seed),
        scores,
        origin.facts(campaign, run, seed, data, results, code),
        origin.commands(campaign, run, seed, [], results),
        origin.parameters(campaign, run, seed, results, today=bool(code)),
        changed_since(made, campaign.resolve(run, seed), code) if made and code else [],
    )


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
