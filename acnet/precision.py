"""The precision of convolutions and matrix products."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

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


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """torch.autocast in half `precision`; TF32 for float32's products, in inference only; or, for float32, neither.

    A CPU without instructions for it computes products in float32, of operands and with results that are rounded to
    `precision`: as with such instructions, and more than ten times as fast as torch's own emulation. TF32, which only
    GPUs have (from NVIDIA's Ampere on), rounds the operands alone.
    """
    if precision == "float32":
        return contextlib.nullcontext()
    if precision == "tf32":
        return _ProductsOfTF32() if device.type == "cpu" else _tf32_allowed()
    if device.type == "cpu" and not _has_instructions(precision):
        return _emulated(precision)
    return torch.autocast(device.type, dtype=getattr(torch, precision))


@contextlib.contextmanager
def _emulated(precision: str) -> Iterator[None]:
    with torch.autocast("cpu", dtype=getattr(torch, precision)), _ProductsInFloat32():
        yield


@contextlib.contextmanager
def _tf32_allowed() -> Iterator[None]:
    libraries = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [library.allow_tf32 for library in libraries]
    try:
        for library in libraries:
            library.allow_tf32 = True
        yield
    finally:
        for library, allowed in zip(libraries, before, strict=True):
            library.allow_tf32 = allowed


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


class _ProductsOfTF32(TorchFunctionMode):
    """Products of operands rounded to TF32; a bias, which has one dimension, is added in float32. Has no gradient."""

    def __torch_function__(self, function: Callable, types, args=(), kwargs=None):
        if function not in _PRODUCTS:
            return function(*args, **kwargs or {})

        def rounded(value: object) -> object:
            if not isinstance(value, Tensor) or value.dim() == 1:
                return value
            bits = value.view(torch.int32)  # TF32 keeps ten of float32's 23 binary digits
            return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)

        return function(*map(rounded, args), **{k: rounded(v) for k, v in (kwargs or {}).items()})
