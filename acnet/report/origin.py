"""Where the numbers of a run come from, as lines of (name, text): for `acnet trace` and for the page."""

import collections
import dataclasses
import functools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from acnet.files import sha256
from acnet.params.campaign import Campaign
from acnet.params.protocols import Protocol
from acnet.params.run import Run, read_origins
from acnet.progress import duration
from acnet.provenance import DISTRIBUTIONS, PATCH, changed_since, source_hash
from acnet.report.results import Results

Line = tuple[str, str]
# What a metrics file without them was measured with.
_BEFORE = {
    it.name: it.default
    for it in dataclasses.fields(Protocol)
    if it.metadata.get("before", dataclasses.MISSING) is not dataclasses.MISSING
}


@dataclasses.dataclass(frozen=True)
class Origin:
    """A run with a seed, and all that is known of it.

    With `lasting`, what may change is omitted: whether the run is stale, current values, and which files are here.
    """

    campaign: Campaign
    read: Results
    run: str
    seed: int
    lasting: bool = False

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self.read.seed_folder(self.run, self.seed)

    @functools.cached_property
    def made(self) -> dict[str, Any] | None:
        """Its provenance; None before it is trained."""
        return self.read.provenance(self.run, self.seed)

    @property
    def now(self) -> Run:
        """The run as params/ describe it today."""
        return self.campaign.resolve(self.run, self.seed)

    @functools.cached_property
    def known(self) -> Run:
        """The run as its own params.yaml states it, else today's."""
        return self.read.run(self.run, self.seed) or self.now

    @property
    def origins(self) -> dict[str, object]:
        """The origin of each parameter, as the run's own params.yaml states it, else today's."""
        file = self.folder / "params.yaml"
        return read_origins(file) if file.exists() else self.campaign.origins(self.run)

    @functools.cached_property
    def changes(self) -> list[str]:
        """What has changed since it was trained, of code and parameters; these make it stale."""
        return changed_since(self.made, self.now, source_hash()) if self.made and not self.lasting else []

    def facts(self, data: Path) -> list[Line]:
        """Dataset (its manifest under `data`), code, machine, time and files of the training."""
        absent = "" if self.lasting else ", not found"
        checkpoint, dataset = self.folder / "checkpoint.pt", self.known.dataset
        lines = [("dataset", f"{dataset}: {_file(data / dataset / 'manifest.json', absent)}")]
        if (made := self.made) is None:
            return [*lines, ("initial weights", self.now.init.name), ("checkpoint", f"{checkpoint}{absent}")]
        # What an older provenance.json may lack.
        said = collections.defaultdict(lambda: "unknown", {key: it for key, it in made.items() if it is not None})
        took = f"{duration(said['seconds'])} ({said['seconds'] / 3600:.3f} h)" if "seconds" in said else "unknown"
        processes = made.get("processes", 1)
        lines += [
            ("initial weights", f"{said['initial_weights']}{self._today(self.now.init.name, self.known.init.name)}"),
            ("commit", f"{said['commit']}{', with uncommitted changes' if made.get('dirty') else ''}"),
            ("source", said["source_hash"]),
            ("trained", f"{_time(said['started'])} to {_time(said['finished'])}"),
            ("duration", took),
            ("device", f"{said['device']}{f', {processes} processes' if processes > 1 else ''}"),
            ("precision", f"{said['precision']}, threads: {said['threads']}"),
            ("versions", ", ".join(f"{package} {version}" for package, version in made.get("versions", {}).items())),
            ("parameters", f"{self.folder / 'params.yaml'}, digest {said['params_hash']}"),
            ("checkpoint", f"{checkpoint}, SHA-256 {said['checkpoint_sha256']}{'' if checkpoint.exists() else absent}"),
        ]
        beside = {"packages": self.folder / DISTRIBUTIONS, "changes": self.folder / PATCH}
        lines += [(name, _file(path)) for name, path in beside.items() if path.exists()]
        scalars = (made.get("context_scalars") or {}).get("final", {})
        lines += [(name, f"{last:.3f} after training") for name, last in scalars.items()]
        if self.lasting:
            return lines
        changed = f"{' and '.join(self.changes)} {'has' if self.changes == ['code'] else 'have'} changed since"
        return [*lines, ("stale", f"yes: {changed}" if self.changes else "no: code and parameters are unchanged")]

    def protocol(self, name: str) -> str:
        """The settings of a protocol as the run's metrics file states them, else today's; changed ones with both."""
        file = (self.read.metrics(self.run, name, self.seed) or {}).get("protocol")
        removed = file and name not in self.campaign.titles
        today = file if removed else self.campaign.protocol(name, self.run).identity()
        made, now = today | _BEFORE | file if file else today, _BEFORE | today
        shown = {key: made[key] for key in today | (file or {}) if key != "name"}
        return ", ".join(
            f"{key} {f'{value:.4g}' if isinstance(value, float) else value}{self._today(now.get(key), value)}"
            for key, value in shown.items()
        )

    def metrics(self, protocol: str) -> str:
        """The file behind a number and its hash."""
        return _file(self.folder / "metrics" / f"{protocol}.json")

    def commands(self, fetch: Sequence[str] = ()) -> list[Line]:
        """The commands `fetch`, which restore the run, and those that reproduce it."""
        named = (("restore", fetch), ("reproduce", [self.again]), ("from its commit", self.recipe()))
        return [(name if i == 0 else "", line) for name, lines in named for i, line in enumerate(lines)]

    @property
    def again(self) -> str:
        """The command that reproduces the run with the current code."""
        config = f"--config scale={self.campaign.scale_name} runs={self.run}"
        return f"snakemake --cores all runs --forcerun {self.folder / 'checkpoint.pt'} {config}"

    def recipe(self) -> list[str]:
        """The commands that reproduce it from its commit and its patch, in a folder of its own; none without Git."""
        made, patch, scale = self.made or {}, self.folder / PATCH, self.campaign.scale_name
        if not made.get("commit"):
            return []
        apply = f"git apply {patch}" if patch.is_absolute() else f'git apply "$OLDPWD"/{patch}'
        config = f"scale={scale} runs={self.run} seeds={self.seed}"
        checkpoint = f"results/{scale}/{self.run}/seed{self.seed}/checkpoint.pt"
        return [
            f"git worktree add --detach ../again {made['commit']} && cd ../again",
            *([apply] if patch.exists() else []),
            "make venv",
            f".venv/bin/python workflow/start.py runs --cores all --config {config}",
            f"sha256sum {checkpoint}  # {made.get('checkpoint_sha256', 'unknown')}",
        ]

    def parameters(self) -> list[Line]:
        """Every parameter with its origin; changed ones with the current value too."""
        known, now, origins = self.known.values(), self.now.values(), self.origins
        return [
            (f"{part}.{key}", f"{value}{self._today(now[part][key], value)}  # "
                              f"{origins.get(f'{part}.{key}', 'not stated')}")
            for part in ("model", "train")
            for key, value in known[part].items()
        ]  # fmt: skip

    def _today(self, now: Any, made: Any) -> str:
        """The current value in brackets, where it differs."""
        return "" if self.lasting or now == made else f"  (now {now})"


def _file(path: Path, absent: str = ", not found") -> str:
    return f"{path}, SHA-256 {sha256(path)}" if path.exists() else f"{path}{absent}"


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    except ValueError:
        return text
