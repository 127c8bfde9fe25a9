"""Values that `dvc exp run -S` has set, marked as ours: their origin was that of the value they replace."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.track.git import Repository

_FILES = ("params/model.yaml", "params/recipe.yaml")
_NOTE = "set for this experiment"


def mark_overrides(root: Path) -> None:
    """Give every value of _FILES that differs from the commit HEAD, and only there, the origin `ours`.

    A plain value in the place of {value, origin, note}, as `-S params/model.yaml:delta=10` leaves it, becomes one.
    """
    from dvc.utils.serialize import modify_yaml, parse_yaml

    repository = Repository(root)
    for name in _FILES:
        try:
            committed = parse_yaml(repository.git("show", f"HEAD:{name}"), name)
        except AcnetError:
            continue  # new since that commit
        if repository.git("status", "--porcelain", "--", name):
            with modify_yaml(str(root / name)) as values:
                _mark(values, committed)


def _mark(now: MutableMapping[str, Any], committed: Mapping[str, Any]) -> None:
    for key, value in now.items():
        former = committed.get(key)
        if not isinstance(former, Mapping):
            continue
        if "origin" not in former:
            if isinstance(value, MutableMapping):
                _mark(value, former)
        elif not isinstance(value, MutableMapping):
            now[key] = {"value": value, "origin": "ours", "note": _NOTE}
        elif value.get("value") != former["value"] and value.get("origin") == former["origin"]:
            value.update(origin="ours", note=_NOTE)
