"""Whose the locks of Snakemake on a folder are, so that those of a killed one are told from those of one at work.

Snakemake's lock files name no process: each snakemake therefore writes down which are its own, once it has them. For
the moment before that there is what workflow/start.py wrote down: who was started last.
"""

import dataclasses
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acnet.files import write_json
from acnet.train.lock import Holder, dead_here, read_holder, this_process

STATE = Path(".snakemake")
_HOLDERS = "holders.json"
_STARTED = "started.json"
# Within so long (seconds) a snakemake that has made its locks has claimed them.
_MOMENT = 10.0


def claim(locks: Iterable[str | Path], state: Path = STATE) -> None:
    """Write down that this process made `locks`, files of state/locks."""
    mine = dataclasses.asdict(this_process())
    there = {lock.name for lock in locks_of(state)}
    others = {name: entry for name, entry in _claims(state).items() if name in there}
    write_json(state / _HOLDERS, others | {Path(lock).name: {"made": _made(lock), "holder": mine} for lock in locks})


def starting(state: Path = STATE) -> None:
    """Write down that this process becomes a snakemake."""
    write_json(state / _STARTED, dataclasses.asdict(this_process()))


def locks_of(state: Path = STATE) -> list[Path]:
    """The lock files that are there."""
    return sorted((state / "locks").glob("*"))


def is_stale(state: Path = STATE) -> bool:
    """Whether the processes that made the locks are all known to have run on this machine, and to be dead.

    False in doubt: for a lock of another machine or container, or of a plain snakemake killed before it claimed it.
    """
    try:
        return all(_is_stale(lock, state) for lock in locks_of(state))
    except (OSError, KeyError, TypeError, AttributeError):  # gone, or no record of ours
        return False


def _is_stale(lock: Path, state: Path) -> bool:
    made = _made(lock)
    if (claim := _claims(state).get(lock.name, {})).get("made") != made:
        # Made by the one that was started last and is dead, or by one that lives and is about to claim it.
        last = read_holder(state / _STARTED)
        if last is None or made < _made(state / _STARTED) or not dead_here(last):
            return False
        time.sleep(max(0.0, min(_MOMENT, made / 1e9 + _MOMENT - time.time())))
        claim = _claims(state).get(lock.name, {})
        return _made(lock) == made and claim.get("made") != made
    return dead_here(Holder(**claim["holder"]))


def _made(lock: str | Path) -> int:
    """When a lock was made: a later one of the same name is another."""
    return Path(lock).stat().st_mtime_ns


def _claims(state: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads((state / _HOLDERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
