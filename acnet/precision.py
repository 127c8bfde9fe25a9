"""The precision of convolutions and matrix products."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# The instruction sets for products in half precision, as torch.cpu.get_capabilities names them (x86, Arm).
_INSTRUCTIONS = {
    "bfloat16": ("avx512_bf16", "amx_bf16", "bf16"),
    "float16": ("avx512_fp16", "amx_fp16", "fp16_arith"),
}
# What the networks call, of all that autocast runs in half precision.
_PRODUCTS = (torch.conv2d, torch.nn.functional.linear, torch.einsum, torch.Tensor.matmul, torch.Tensor.__matmul__)


@contextlib.contextmanager
def autocast(device: torch.device, precision: str) -> Iterator[None]:
    """torch.autocast in a `precision`; float32 is no autocast at all.

    A CPU without instructions for it computes products in float32, of operands and with results that are rounded to
    `precision`: as with such instructions, and more than ten times as fast as torch's own emulation.
    """
    if precision == "float32":
        yield
        return
    emulated = device.type == "cpu" and not _has_instructions(precision)
    products = _ProductsInFloat32() if emulated else contextlib.nullcontext()
    with torch.autocast(device.type, dtype=getattr(torch, precision)), products:
        yield


def _has_instructions(precision: str) -> bool:
    """Whether the CPU has instructions for products in half precision; True where torch cannot tell."""
    known = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch lack it
    return not known or any(known.get(name) for name in _INSTRUCTIONS[precision])


def slow_precision(device: torch.device, precision: str, scale: str) -> str | None:
    """What to do where `device` is a GPU on which `precision` is slower than float32; None elsewhere."""
    if device.type == "cpu" or precision != "bfloat16" or torch.cuda.is_bf16_supported(including_emulation=False):
        return None
    return (
        f"{precision} is slower than float32 here: this GPU only emulates it; set precision: float32 under `common` in "
        f"params/scales/{scale}.yaml"
    )


class _ProductsInFloat32(TorchFunctionMode):
    """Where autocast is on, products of rounded operands, themselves rounded. Autograd rounds gradients likewise."""

    def __torch_function__(self, function: Callable, types, args=(), kwargs=None):
        if function not in _PRODUCTS or not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs or {})
        dtype = torch.get_autocast_dtype("cpu")

        def rounded(value: object) -> object:
            return value.to(dtype).float() if isinstance(value, Tensor) else value

        with torch.autocast("cpu", enabled=False):
            return function(*map(rounded, args), **{k: rounded(v) for k, v in (kwargs or {}).items()}).to(dtype)
