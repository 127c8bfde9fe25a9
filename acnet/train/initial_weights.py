"""The initial weights of a network: from scratch, an ImageNet backbone, or another run."""

import re
from pathlib import Path

from torch import Tensor, nn

from acnet.checkpoint import compare_with_record, load_weights, read_checkpoint, read_tensors
from acnet.errors import AcnetError
from acnet.files import sha256
from acnet.params.run import Run, initial_checkpoint

_PREFIX = re.compile(r"^(module\.|_orig_mod\.)+")  # of DataParallel and torch.compile


def load_initial_weights(network: nn.Module, run: Run, folder: Path) -> None:
    """Fill `network` as `init` of `run` says; `folder` is where `run` is trained.

    Raises AcnetError for a missing file, another hash, or weights that do not match.
    """
    if (init := run.init).kind == "none":
        return
    if init.kind == "run":
        file = initial_checkpoint(run, folder)
        load_weights(network, read_checkpoint(file)["network"], file)
        compare_with_record(file)
        return
    file, backbone = Path(init.file), run.model.backbone
    missing = wrong = f"correct weights.{backbone} in params/scales/{run.scale}.yaml"
    if init.kind == "url":
        missing = f"run `acnet fetch-weights {file.name}` where there is a network"
        wrong = f"move it away and {missing}"
    if not file.is_file():
        raise AcnetError(f"{file}: not found; {missing}")
    if not (found := sha256(file)).startswith(init.sha256.lower()):
        raise AcnetError(f"{file}: its SHA-256 is {found}, not {init.sha256}; {wrong}")
    load_weights(network.backbone, _backbone(file), file, f"not weights for the run's {backbone}", wrong)


def _backbone(file: Path) -> dict[str, Tensor]:
    """The state dict in a file, without a classifier `fc`; training scripts save it under a key and a prefix."""
    content = read_tensors(file)
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise AcnetError(f"{file}: holds a {type(content).__name__}, not a state dict; save one with torch.save")
    state = {_PREFIX.sub("", str(name)): tensor for name, tensor in content.items()}
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
