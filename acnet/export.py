"""Trained networks elsewhere: read without this pipeline's folders, or exported and compared with the checkpoint."""

import hashlib
import io
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acnet.checkpoint import compare_with_record, load_weights, read_checkpoint
from acnet.data.classes import class_table
from acnet.data.transforms import MEAN, STD
from acnet.errors import AcnetError, optional
from acnet.files import read_json, replacing, sha256
from acnet.model import Network, build_network
from acnet.params.config import NetworkConfig
from acnet.params.run import Run
from acnet.params.schema import build

TOLERANCE = 1e-4  # of logits and gates, absolute
Exported = Callable[[Tensor], Sequence[Tensor]]  # an exported file as a function


def rebuild_checkpoint(file: Path) -> bool:
    """Write checkpoint.pt beside `file`, a .safetensors made of it; False, and no file, if its SHA-256 is another one.

    So with another release of torch, which may write the same tensors as other bytes.
    """
    about = _about(file)
    network = _from_safetensors(file).to(memory_format=torch.channels_last)  # as in training: strides are in the file
    weights = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    made = io.BytesIO()
    torch.save({"network": weights, "params": about["params"], "run": about["run"]}, made)
    wanted = read_json(file.with_name("provenance.json"))["checkpoint_sha256"]
    if hashlib.sha256(made.getbuffer()).hexdigest() != wanted:
        return False
    with replacing(file.with_name("checkpoint.pt")) as temporary:
        temporary.write_bytes(made.getbuffer())
    return True


class Outputs(nn.Module):
    """Images (N, 3, H, W), normalised -> logits (N, classes, H, W) and one gate (N, 1, h, w) per gated block."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The network's "logits" and "gates", as a tuple."""
        output = self.network(images)
        return output["logits"], *output["gates"]


def load_network(path: str | Path) -> Network:
    """The network of a checkpoint.pt, of the run's folder that holds it, or of an exported .safetensors file.

    On the CPU, in eval mode; it takes images normalised as `acnet.data.transforms.normalise` does. AcnetError for a
    file that is missing, damaged or of an earlier version.
    """
    file = Path(path) / "checkpoint.pt" if Path(path).is_dir() else Path(path)
    if file.suffix == ".safetensors":
        return _from_safetensors(file)
    content = read_checkpoint(file)
    compare_with_record(file)
    return _built(content, content["network"], file)


def export(run: Run, checkpoint: Path, form: str, out: Path, size: tuple[int, int] | None = None) -> dict[str, float]:
    """Write the network of `checkpoint` to `out`; return how far each output is at most from the checkpoint's.

    `form` is one of FORMATS. `size` (H, W) fixes the size of images and the batch at 1, None leaves all three free.
    Raises AcnetError, and writes nothing, for gates that are shuffled, a package that is missing, and outputs that
    differ by more than TOLERANCE.
    """
    if run.model.gate == "shuffled" and form != "safetensors":
        raise AcnetError(f"run '{run.name}': shuffles its gates anew in each pass; only safetensors can hold it")
    network = Outputs(load_network(checkpoint)).eval()
    height, width = size or run.train.crop
    shapes = [(1, 3, height, width)] if size else [(2, 3, height, width), (1, 3, height // 2 + 19, width // 2 + 26)]
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(shape, generator=generator) for shape in shapes]
    about = {
        "scale": run.scale, "run": run.name, "seed": run.seed, "checkpoint_sha256": sha256(checkpoint),
        "classes": class_table(run).names, "mean": MEAN.flatten().tolist(), "std": STD.flatten().tolist(),
        "params": read_checkpoint(checkpoint)["params"],
    }  # fmt: skip
    free = None if size else (dict.fromkeys((0, 2, 3), torch.export.Dim.AUTO),)
    with replacing(out) as file, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exported = FORMATS[form](network, images[0], free, json.dumps(about), file)
            differences = _differences(network, exported, images)
        except (AcnetError, OSError):
            raise
        except Exception as error:
            if size:
                raise
            reason = str(error).strip().split("\n")[0]
            raise AcnetError(
                f"run '{run.name}': {form} cannot hold it for images of any size ({reason}); fix one with --size HxW"
            ) from error
        if not all(one <= TOLERANCE for found in differences.values() for one in found):  # NaN is none of these
            raise AcnetError(f"{out}: not written; its outputs differ from the checkpoint's by {differences}")
    return {name: max(found) for name, found in differences.items()}


def _differences(network: Outputs, exported: Exported, images: list[Tensor]) -> dict[str, list[float]]:
    """By output, the largest difference between the two for each of `images`."""
    found: dict[str, list[float]] = {}
    for given in images:
        for name, theirs, ours in zip(_names(network), exported(given), network(given), strict=True):
            found.setdefault(name, []).append(float((theirs - ours).abs().max()))
    return found


def _names(network: Outputs) -> list[str]:
    blocks = [block.global_context for block in network.network.blocks]
    return ["logits", *(f"gate{i}" for i, context in enumerate(blocks, 1) if context and context.gated)]


def _onnx(network: Outputs, images: Tensor, free: Any, about: str, file: Path) -> Exported:
    optional("onnxscript", "export")
    runtime = optional("onnxruntime", "export")
    names = {"input_names": ["images"], "output_names": _names(network)}
    program = torch.onnx.export(network, (images,), dynamic_shapes=free, dynamo=True, verbose=False, **names)
    program.model.metadata_props["acnet"] = about
    program.save(file)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda given: [torch.from_numpy(one) for one in session.run(None, {"images": given.numpy()})]


def _pt2(network: Outputs, images: Tensor, free: Any, about: str, file: Path) -> Exported:
    buffer, program = io.BytesIO(), torch.export.export(network, (images,), dynamic_shapes=free)
    torch.export.save(program, buffer, extra_files={"acnet": about})
    file.write_bytes(buffer.getbuffer())
    return torch.export.load(io.BytesIO(file.read_bytes())).module()


def _safetensors(network: Outputs, images: Tensor, free: Any, about: str, file: Path) -> Exported:
    state = {name: value.contiguous() for name, value in network.network.state_dict().items()}
    optional("safetensors.torch", "export").save_file(state, file, {"acnet": about})
    return Outputs(_from_safetensors(file)).eval()


FORMATS = {"onnx": _onnx, "safetensors": _safetensors, "pt2": _pt2}


def _from_safetensors(file: Path) -> Network:
    return _built(_about(file), optional("safetensors.torch", "export").load_file(file), file)


def _about(file: Path) -> dict[str, Any]:
    library = optional("safetensors", "export")
    try:
        with library.safe_open(file, "pt") as opened:
            return json.loads((opened.metadata() or {}).get("acnet", "{}"))
    except FileNotFoundError as error:
        raise AcnetError(f"{file}: not found; name a file that `acnet export` wrote") from error
    except (library.SafetensorError, ValueError) as error:
        raise AcnetError(f"{file}: damaged ({error}); copy or export it again") from error


def _built(about: dict[str, Any], state: dict[str, Tensor], file: Path) -> Network:
    params = about.get("params", {})
    if "classes" not in params:
        raise AcnetError(f"{file}: says nothing of its network; name a file that `acnet export` or a training wrote")
    config = {name: value for name, value in params.items() if name != "classes"}
    network = build_network(build(NetworkConfig, config, f"{file}: params"), params["classes"])
    load_weights(network, state, file)
    return network.eval()
