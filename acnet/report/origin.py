"""Where the numbers of a run come from, as lines of (name, text): for `acnet trace` and for the page alike."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from acnet.files import sha256
from acnet.params.campaign import Campaign
from acnet.progress import duration
from acnet.provenance import changed_since
from acnet.report.results import Results

Line = tuple[str, str]
# What an older or a damaged provenance.json may lack.
_UNKNOWN = dict.fromkeys(
    (
        "initial_weights", "commit", "source_hash", "started", "finished", "device", "precision", "threads",
        "params_hash", "checkpoint_sha256",
    ),
    "unknown",
)  # fmt: skip


def facts(campaign: Campaign, run: str, seed: int, data: Path, read: Results, code: str) -> list[Line]:
    """Data, code, machine, time and files of one training; `code` is today's source hash."""
    now = campaign.resolve(run, seed)
    known, made = read.run(run, seed) or now, read.provenance(run, seed)
    checkpoint = read.seed_folder(run, seed) / "checkpoint.pt"
    lines = [("dataset", f"{known.dataset}: {_file(data / known.dataset / 'manifest.json')}")]
    if made is None:
        return [*lines, ("initial weights", now.init.name), ("checkpoint", f"{checkpoint}, not here")]
    said = {key: value if value is not None else "unknown" for key, value in {**_UNKNOWN, **made}.items()}
    hours = f" ({made['seconds'] / 3600:.3f} h)" if made.get("seconds") is not None else ""
    processes = made.get("processes", 1)
    return [
        *lines,
        ("initial weights", said["initial_weights"]),
        ("commit", f"{said['commit']}{', with uncommitted changes' if made.get('dirty') else ''}"),
        ("source", said["source_hash"]),
        ("trained", f"{_time(said['started'])} to {_time(said['finished'])}"),
        ("took", f"{duration(made['seconds']) if hours else 'unknown'}{hours}"),
        ("device", f"{said['device']}{f', {processes} processes' if processes > 1 else ''}"),
        ("arithmetic", f"{said['precision']}, threads: {said['threads']}"),
        ("versions", ", ".join(f"{package} {version}" for package, version in made.get("versions", {}).items())),
        ("parameters", f"{read.seed_folder(run, seed) / 'params.yaml'}, digest {said['params_hash']}"),
        ("checkpoint", f"{checkpoint}, SHA-256 {said['checkpoint_sha256']}{_absent(checkpoint)}"),
        ("stale", stale(changed_since(made, now, code)) or "no: code and parameters are those of today"),
    ]


def stale(changes: list[str]) -> str:
    """What has changed since a run was trained, as a sentence; empty if nothing has."""
    return f"yes: {' and '.join(changes)} {'has' if changes == ['code'] else 'have'} changed since" if changes else ""


def protocol(campaign: Campaign, name: str, run: str) -> str:
    """A protocol with everything settled for a run."""
    steps = campaign.protocol(name, run).identity()
    shown = {
        key: f"{value:.4g}" if isinstance(value, float) else value for key, value in steps.items() if key != "name"
    }
    return ", ".join(f"{key} {value}" for key, value in shown.items())


def metrics(read: Results, run: str, seed: int, name: str) -> str:
    """The file behind a number and its hash."""
    return _file(read.seed_folder(run, seed) / "metrics" / f"{name}.json")


def commands(campaign: Campaign, run: str, seed: int, fetch: Sequence[str], read: Results) -> list[Line]:
    """What brings a run back, the commands `fetch`, and what makes it again."""
    config = f"--config scale={campaign.scale_name}"
    checkpoint = read.seed_folder(run, seed) / "checkpoint.pt"
    again = f"snakemake --cores all runs --forcerun {checkpoint} {config} runs={run}"
    return [*zip(("get it", *("" for _ in fetch)), fetch, strict=False), ("make it again", again)]


def parameters(campaign: Campaign, run: str, seed: int, read: Results) -> list[Line]:
    """Every parameter of a run with its origin and, where it has changed since, today's value."""
    now, origins = campaign.resolve(run, seed).values(), campaign.origins(run)
    known = found.values() if (found := read.run(run, seed)) else now
    lines = []
    for section in ("model", "train"):
        for key, value in known[section].items():
            today = now[section].get(key)
            origin = origins.get(f"{section}.{key}", "of an older version")
            changed = f"  (today {today})" if today != value else ""
            lines.append((f"{section}.{key}", f"{value}{changed}  # {origin}"))
    return lines


def _file(path: Path) -> str:
    return f"{path}, SHA-256 {sha256(path)}" if path.exists() else f"{path}, not here"


def _absent(path: Path) -> str:
    return "" if path.exists() else ", not here"


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    except ValueError:
        return text
