"""The state that a training resumes from, saved whole or not at all."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from acnet.files import replacing


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` to {folder}/state.pt; a kill at any moment leaves the former one."""
    with replacing(folder / "state.pt") as temporary:
        torch.save(state, temporary)


def load_state(folder: Path, digest: str) -> tuple[dict[str, Any] | None, str]:
    """The state saved for parameters with this `digest`, or None, and a line for the log.

    A state of other parameters, or one that cannot be read, is set aside under another name, never deleted.
    """
    file = folder / "state.pt"
    if not file.exists():
        return None, "starting anew"
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, zipfile.BadZipFile):
        return None, f"{file} cannot be read; set aside as {_set_aside(file)}; starting anew"
    if state["digest"] != digest:
        return None, f"the parameters have changed; {file} is set aside as {_set_aside(file)}; starting anew"
    return state, f"resuming at step {state['step']}"


def _set_aside(file: Path) -> str:
    number = 1
    while (target := file.with_suffix(f".{number}.aside")).exists():
        number += 1
    file.rename(target)
    return target.name
