"""Weights from files: read without running code, and loaded into a network only where all of them match."""

import io
import lzma
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from acnet.errors import AcnetError
from acnet.files import read_json, sha256

_OTHER, _OWN = "of another network", "name this run's own checkpoint or train it again"


def read_tensors(file: Path) -> Any:
    """What a .pt, .pth or .pth.xz file holds, on the CPU, read without running code from it.

    Raises FileNotFoundError, and AcnetError for a file that holds pickled objects or that torch.load cannot read.
    """
    data = file.read_bytes()
    try:
        data = lzma.decompress(data) if file.suffix == ".xz" else data
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        if isinstance(error, pickle.UnpicklingError) and data.startswith((b"PK", b"\x80")):  # a zip or a bare pickle
            raise AcnetError(
                f"{file}: holds pickled objects, not tensors alone, and to read those can run code; if you trust it, "
                f"save its tensors alone: torch.save(torch.load('{file.name}', weights_only=False)['state_dict'], "
                "'tensors.pth'), for a whole module .state_dict() instead of ['state_dict']"
            ) from error
        reason = str(error).split(". ")[0] or type(error).__name__
        raise AcnetError(
            f"{file}: torch.load cannot read it ({reason}); name a state dict saved by torch.save"
        ) from error


def read_checkpoint(file: Path) -> dict[str, Any]:
    """The content of a checkpoint.pt of ours: `network` (a state dict), `params` and `run`."""
    again = "move it away and train this run again"
    try:
        content = read_tensors(file)
    except FileNotFoundError as error:
        raise AcnetError(f"{file}: not found; train this run first") from error
    except AcnetError as error:
        raise AcnetError(f"{file}: not a readable checkpoint; {again}") from error
    if not isinstance(content, dict) or "network" not in content:
        raise AcnetError(f"{file}: holds no network; {again}")
    return content


def write_tensors(file: Path, content: Mapping[str, Any]) -> None:
    """Write `content` with torch.save; equal contents are equal bytes, whatever the file is called."""
    # By its path, torch would name a folder inside the archive after the file, and report a full disk in its own words.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    file.write_bytes(buffer.getbuffer())


def load_weights(
    module: nn.Module, state: Mapping[str, Tensor], file: Path, what: str = _OTHER, remedy: str = _OWN
) -> None:
    """Load `state`, read from `file`, into `module` as Module.load_state_dict(strict=True) does.

    Any dtype becomes the module's own. AcnetError, saying `what` the file is and the `remedy`, names the first tensor
    that differs.
    """
    own = module.state_dict()
    try:
        # Without metadata torch takes BN layers that lack num_batches_tracked: files older than PyTorch 0.4.1 do.
        missing, unexpected = module.load_state_dict(dict(state), strict=False)
    except RuntimeError:
        shapes = ((name, tuple(state[name].shape), tuple(own[name].shape)) for name in own if name in state)
        name, found, expected = next(entry for entry in shapes if entry[1] != entry[2])
        refuse(file, f"{name} has shape {found}, expected {expected}", what, remedy)
    if missing:
        refuse(file, f"it has no {missing[0]}" + (f", but {unexpected[0]}" if unexpected else ""), what, remedy)
    if unexpected:
        refuse(file, f"it has {unexpected[0]}, which is not expected", what, remedy)


def compare_with_record(file: Path) -> None:
    """AcnetError if a provenance.json beside `file`, a checkpoint, was written for another file.

    torch.load notices no flipped bit, and no weights of another seed.
    """
    facts = file.with_name("provenance.json")
    if facts.exists() and sha256(file) != read_json(facts)["checkpoint_sha256"]:
        raise AcnetError(
            f"{file}: its SHA-256 is not the one in {facts.name} beside it; "
            "restore it, or move it away and train this run again"
        )


def refuse(file: Path, difference: str, what: str = _OTHER, remedy: str = _OWN) -> NoReturn:
    """Raise the AcnetError for weights of another network."""
    raise AcnetError(f"{file}: {what}: {difference}; {remedy}")
