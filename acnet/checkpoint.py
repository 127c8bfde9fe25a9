"""Weights from files: read without running code, and put into a network only where they fit."""

import io
import lzma
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acnet.errors import AcnetError
from acnet.files import read_json, sha256

_BROKEN = (lzma.LZMAError, pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError)


def read_tensors(file: Path) -> dict[str, Any]:
    """What a .pt, .pth or .pth.xz file holds, on the CPU; AcnetError if it is missing or broken."""
    try:
        data = lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise AcnetError(f"{file}: not there; train this run first") from error
    except _BROKEN as error:
        raise AcnetError(f"{file}: not a readable checkpoint; delete it and make it again") from error
    if not isinstance(content, dict):
        raise AcnetError(f"{file}: holds no weights; delete it and make it again")
    return content


def read_checkpoint(file: Path) -> dict[str, Any]:
    """The content of a checkpoint.pt of ours: `network` (a state dict), `params` and `run`."""
    content = read_tensors(file)
    if "network" not in content:
        raise AcnetError(f"{file}: holds no network; delete it and train this run again")
    return content


def fit(module: nn.Module, state: Mapping[str, Tensor], file: Path) -> None:
    """Load `state`, read from `file`, into `module`; AcnetError names the first tensor that does not fit.

    Half-precision weights become the module's own precision.
    """
    own = module.state_dict()
    for name, tensor in own.items():
        if name not in state:
            refuse(file, f"it has no {name}, which the run's parameters ask for")
        if state[name].shape != tensor.shape:
            refuse(file, f"{name} has shape {tuple(state[name].shape)}, expected {tuple(tensor.shape)}")
    for name in state:
        if name not in own:
            refuse(file, f"it has {name}, which the run's parameters do not ask for")
    module.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in state.items()})


def compare_with_record(file: Path) -> None:
    """AcnetError if a provenance.json beside `file`, a checkpoint, was written for another file.

    torch.load notices no flipped bit, and no weights of another seed.
    """
    facts = file.with_name("provenance.json")
    if facts.exists() and sha256(file) != read_json(facts)["checkpoint_sha256"]:
        raise AcnetError(
            f"{file}: its SHA-256 is not the one in {facts.name} beside it; "
            "restore it, or delete it and train this run again"
        )


def refuse(file: Path, difference: str) -> None:
    """Raise the AcnetError for weights of another network."""
    raise AcnetError(f"{file}: of another network: {difference}; name this run's own checkpoint or train it again")
