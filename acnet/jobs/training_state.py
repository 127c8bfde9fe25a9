"""The state that a training resumes from: two generations, each with its checksum, each whole or not there."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from acnet.checkpoint import write_tensors
from acnet.files import replacing, sha256

_GENERATIONS = 2
_CHANGED = {"params": "the parameters", "inputs": "the training images, labels or initial weights"}
_NAME = re.compile(r"state-(\d{9})-([0-9a-f]{16})\.pt")


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` beside the former ones; the file's name holds the step and the head of its SHA-256.

    A kill at any moment leaves at least the newest former one. Raises AcnetError where it cannot be written.
    """
    pending = folder / "pending.pt"
    with replacing(pending) as temporary:
        write_tensors(temporary, state)
    os.replace(pending, folder / f"state-{state['step']:09d}-{sha256(pending)[:16]}.pt")
    for old in _states(folder)[_GENERATIONS:]:
        old.unlink(missing_ok=True)


def newest_state(folder: Path, identity: Mapping[str, Any], say: Callable[[str], None]) -> Path | None:
    """The file of the newest sound state in which the keys of `identity` have its values, or none; None without one.

    A state of other parameters or inputs, or one that is damaged, is set aside under another name, never deleted, and
    `say` is told.
    """
    for leftover in folder.glob(".*.part"):
        leftover.unlink(missing_ok=True)  # of a process that was killed while writing
    for file in _states(folder):
        aside = file.with_name(f"{file.name}.aside")
        if sha256(file)[:16] != _NAME.fullmatch(file.name)[2]:
            say(f"{file} is damaged; set aside as {aside.name}")
        elif other := _difference(identity, read_state(file)):
            say(f"{_CHANGED[other]} have changed; {file} is set aside as {aside.name}")
        else:
            return file
        file.replace(aside)
    return None


def _difference(identity: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    """The first key of `identity` that has another value in `state`."""
    return next((key for key, value in identity.items() if state.get(key, value) != value), None)


def read_state(file: Path) -> dict[str, Any]:
    """The content of a state file, on the CPU."""
    return torch.load(file, map_location="cpu", weights_only=True)


def _states(folder: Path) -> list[Path]:
    """State files, newest first."""
    return sorted((file for file in folder.glob("state-*.pt") if _NAME.fullmatch(file.name)), reverse=True)
