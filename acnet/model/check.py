"""Refuses model parameters that no network can be built from."""

from collections.abc import Callable, Mapping
from typing import Any

from acnet.errors import AcnetError
from acnet.model.resnet import BACKBONES


def _one_of(*values: Any) -> tuple[Callable[[Any], bool], str]:
    return lambda v: any(v == x and type(v) is type(x) for x in values), " or ".join(map(str, values))


def _whole(v: Any, low: int = 1) -> bool:
    return isinstance(v, int) and not isinstance(v, bool) and v >= low


def _wholes(v: Any, length: int) -> bool:
    return isinstance(v, (list, tuple)) and len(v) == length and all(map(_whole, v))


def _number(v: Any) -> bool:
    return isinstance(v, (int, float)) and not isinstance(v, bool)


_POSITIVE = (_whole, "a whole number, 1 or more")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "classes": (lambda v: _whole(v, 2), "a whole number, 2 or more"),
    "backbone": _one_of(*BACKBONES),
    "base_width": _POSITIVE,
    "stem": _one_of("7x7", "deep"),
    "output_stride": _one_of(16, 8),
    "dilation": _one_of("uniform", "lineage"),
    "multi_grid": (lambda v: v is None or _wholes(v, 3), "null or three rates"),
    "reduction": _POSITIVE,
    "global_context": _one_of("none", "gc", "gcm"),
    "local_context": _one_of("none", "lc", "lcm"),
    "blocks": _one_of(1, 2, 3),
    "reuse": _one_of(1, 2, 3),
    "delta": (lambda v: _number(v) and v > 0, "a number above 0"),
    "global_conv": _one_of("conv_bn_relu", "conv1x1"),
    "distance": _one_of("euclidean", "scaled"),
    "local_channels": _POSITIVE,
    "block_channels": (lambda v: _wholes(v, 2), "two whole numbers"),
    "dropout": (lambda v: _number(v) and 0 <= v < 1, "a number from 0 to below 1"),
    "align_corners": _one_of(True, False),
    "auxiliary": _one_of(True, False),
    "auxiliary_channels": _POSITIVE,
}


def check(params: Mapping[str, Any]) -> None:
    """Raise AcnetError, naming the key, unless every parameter is there, known, in range and the whole makes sense."""
    for key in params:
        if key not in _RULES:
            raise AcnetError(f"model: unknown key '{key}'; known: {', '.join(_RULES)}")
    for key, (valid, expected) in _RULES.items():
        if key not in params:
            raise AcnetError(f"model: key '{key}' is missing; expected {expected}")
        if not valid(params[key]):
            raise AcnetError(f"model.{key}: {params[key]!r} is not valid; expected {expected}")
    if params["local_context"] == "lcm" and params["global_context"] != "gcm":
        raise AcnetError("model.local_context: 'lcm' takes its gate from global_context 'gcm'; set that, or use 'lc'")
    if params["blocks"] > 1 and params["local_context"] == "none":
        raise AcnetError("model.blocks: 2 or 3 need a local context to refine; set local_context to 'lc' or 'lcm'")
    if params["blocks"] == 3 and params["global_context"] == "none":
        raise AcnetError("model.blocks: the third has global context only; set global_context, or blocks to 2")
