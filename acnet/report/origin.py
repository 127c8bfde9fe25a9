"""Where the numbers of a run come from, as lines of (name, text): for `acnet trace` and for the page."""

import collections
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from acnet.files import sha256
from acnet.params.campaign import Campaign
from acnet.progress import duration
from acnet.provenance import DISTRIBUTIONS, PATCH, changed_since
from acnet.report.results import Results

Line = tuple[str, str]


def facts(campaign: Campaign, run: str, seed: int, data: Path, read: Results, code: str | None) -> list[Line]:
    """Data, code, machine, time and files of one training; `code` is today's source hash.

    None omits what may change: whether the run is stale, and which files are here.
    """
    now = campaign.resolve(run, seed)
    known, made = read.run(run, seed) or now, read.provenance(run, seed)
    checkpoint = read.seed_folder(run, seed) / "checkpoint.pt"
    absent = ", not found" if code else ""
    lines = [("dataset", f"{known.dataset}: {_file(data / known.dataset / 'manifest.json', absent)}")]
    if made is None:
        return [*lines, ("initial weights", now.init.name), ("checkpoint", f"{checkpoint}{absent}")]
    # What an older provenance.json may lack.
    said = collections.defaultdict(lambda: "unknown", {key: value for key, value in made.items() if value is not None})
    took = f"{duration(said['seconds'])} ({said['seconds'] / 3600:.3f} h)" if "seconds" in said else "unknown"
    processes = made.get("processes", 1)
    lines += [
        ("initial weights", said["initial_weights"]),
        ("commit", f"{said['commit']}{', with uncommitted changes' if made.get('dirty') else ''}"),
        ("source", said["source_hash"]),
        ("trained", f"{_time(said['started'])} to {_time(said['finished'])}"),
        ("duration", took),
        ("device", f"{said['device']}{f', {processes} processes' if processes > 1 else ''}"),
        ("precision", f"{said['precision']}, threads: {said['threads']}"),
        ("versions", ", ".join(f"{package} {version}" for package, version in made.get("versions", {}).items())),
        ("parameters", f"{read.seed_folder(run, seed) / 'params.yaml'}, digest {said['params_hash']}"),
        ("checkpoint", f"{checkpoint}, SHA-256 {said['checkpoint_sha256']}{'' if checkpoint.exists() else absent}"),
    ]
    for name, file in (("packages", DISTRIBUTIONS), ("changes", PATCH)):
        if (path := read.seed_folder(run, seed) / file).exists():
            lines.append((name, _file(path)))
    for name, last in (made.get("context_scalars") or {}).get("final", {}).items():
        lines.append((name, f"{last:.3f} after training"))
    if not code:
        return lines
    changes = changed_since(made, now, code)
    stale = f"yes: {' and '.join(changes)} {'has' if changes == ['code'] else 'have'} changed since"
    return [*lines, ("stale", stale if changes else "no: code and parameters are unchanged")]


def protocol(campaign: Campaign, name: str, run: str, measured: Mapping[str, Any] | None, *, today: bool = True) -> str:
    """The settings of a protocol for a run: as its metrics file, `measured`, states them, else today's.

    With `today`, values that have changed since are followed by the current ones.
    """
    now = campaign.protocol(name, run).identity()
    made = now | (measured or {}).get("protocol", {})
    shown = {key: f"{made[key]:.4g}" if isinstance(made[key], float) else made[key] for key in now if key != "name"}
    return ", ".join(f"{key} {value}{_today(now[key], made[key], today)}" for key, value in shown.items())


def metrics(read: Results, run: str, seed: int, name: str) -> str:
    """The file behind a number and its hash."""
    return _file(read.seed_folder(run, seed) / "metrics" / f"{name}.json")


def commands(campaign: Campaign, run: str, seed: int, fetch: Sequence[str], read: Results) -> list[Line]:
    """The commands `fetch`, which restore a run, and those that reproduce it."""
    config = f"--config scale={campaign.scale_name}"
    checkpoint = read.seed_folder(run, seed) / "checkpoint.pt"
    again = f"snakemake --cores all runs --forcerun {checkpoint} {config} runs={run}"
    named = (("restore", fetch), ("reproduce", [again]), ("from its commit", recipe(campaign, run, seed, read)))
    return [(name if i == 0 else "", line) for name, lines in named for i, line in enumerate(lines)]


def recipe(campaign: Campaign, run: str, seed: int, read: Results) -> list[str]:
    """The commands that reproduce a run from its commit and its patch, in a folder of its own; none without Git."""
    made, folder = read.provenance(run, seed) or {}, read.seed_folder(run, seed)
    if not made.get("commit"):
        return []
    patch, scale = folder / PATCH, campaign.scale_name
    apply = f"git apply {patch}" if patch.is_absolute() else f'git apply "$OLDPWD"/{patch}'
    return [
        f"git worktree add --detach ../again {made['commit']} && cd ../again",
        *([apply] if patch.exists() else []),
        "make venv",
        f".venv/bin/python workflow/start.py runs --cores all --config scale={scale} runs={run} seeds={seed}",
        f"sha256sum results/{scale}/{run}/seed{seed}/checkpoint.pt  # {made.get('checkpoint_sha256', 'unknown')}",
    ]


def parameters(campaign: Campaign, run: str, seed: int, read: Results, *, today: bool = True) -> list[Line]:
    """Every parameter of a run with the origin that its params.yaml states.

    With `today`, values that have changed since are followed by the current ones.
    """
    own, resolved = read.run(run, seed), campaign.resolve(run, seed)
    known, now = (own or resolved).values(), resolved.values()
    origins = read.origins(run, seed) if own else campaign.origins(run)
    lines = []
    for section in ("model", "train"):
        for key, value in known[section].items():
            origin = origins.get(f"{section}.{key}", "not stated")
            lines.append((f"{section}.{key}", f"{value}{_today(now[section][key], value, today)}  # {origin}"))
    return lines


def _today(now: Any, made: Any, shown: bool) -> str:
    """The current value in brackets, where it is to be `shown` and differs."""
    return f"  (now {now})" if shown and now != made else ""


def _file(path: Path, absent: str = ", not found") -> str:
    return f"{path}, SHA-256 {sha256(path)}" if path.exists() else f"{path}{absent}"


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    except ValueError:
        return text
