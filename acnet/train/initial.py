"""The first weights of a network: from scratch, an ImageNet backbone, or another run."""

from pathlib import Path

from torch import nn

from acnet.checkpoint import compare_with_record, fit, read_checkpoint, read_tensors
from acnet.errors import AcnetError
from acnet.files import sha256
from acnet.params.run import InitialWeights


def load_initial(network: nn.Module, init: InitialWeights, runs: Path, seed_folder: str) -> None:
    """Fill `network` as `init` says; `runs`/{run}/`seed_folder` is where a run to fine-tune lies.

    Raises AcnetError for a missing file, another hash, or weights that do not fit.
    """
    if init.kind == "none":
        return
    if init.kind == "run":
        file = runs / init.run / seed_folder / "checkpoint.pt"
        fit(network, read_checkpoint(file)["network"], file)
        compare_with_record(file)
        return
    file = Path(init.file)
    if not file.is_file():
        raise AcnetError(f"{file}: not there; run `acnet fetch-weights {file.name}` where there is a network")
    if not sha256(file).startswith(init.sha256):
        raise AcnetError(f"{file}: its SHA-256 is not {init.sha256}...; delete it and fetch it again")
    state = read_tensors(file)
    fit(network.backbone, {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}, file)
