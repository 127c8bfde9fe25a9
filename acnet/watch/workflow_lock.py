"""Whose the locks of Snakemake on a folder are, so that those of a killed one are told from those of one at work.

Snakemake's lock files name no process: each snakemake therefore writes down which are its own, once it has them.
"""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acnet.files import write_json
from acnet.train.lock import Holder, dead_here, this_process

STATE = Path(".snakemake")
_HOLDERS = "holders.json"


def claim(locks: Iterable[str | Path], state: Path = STATE) -> None:
    """Write down that this process made `locks`, files of state/locks."""
    mine = dataclasses.asdict(this_process())
    there = {lock.name for lock in locks_of(state)}
    others = {name: entry for name, entry in _claims(state).items() if name in there}
    write_json(state / _HOLDERS, others | {Path(lock).name: {"made": _made(lock), "holder": mine} for lock in locks})


def locks_of(state: Path = STATE) -> list[Path]:
    """The lock files that are there."""
    return sorted((state / "locks").glob("*"))


def is_stale(state: Path = STATE) -> bool:
    """Whether the processes that made the locks are all known to have run on this machine, and to be dead.

    False in doubt: for a lock of another machine or container, or of a snakemake killed before it wrote its name down.
    """
    claims = _claims(state)
    try:
        return all(_made(lock) == claims[lock.name]["made"] and _is_dead(claims[lock.name]) for lock in locks_of(state))
    except (OSError, KeyError, TypeError):
        return False


def _is_dead(entry: dict[str, Any]) -> bool:
    return dead_here(Holder(**entry["holder"]))


def _made(lock: str | Path) -> int:
    """When a lock was made: a later one of the same name is another."""
    return Path(lock).stat().st_mtime_ns


def _claims(state: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads((state / _HOLDERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
