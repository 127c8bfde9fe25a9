"""The parameters of networks and of training, by name and type; the files of params/ explain them."""

import dataclasses
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.schema import limited

REPLACED_BY_A_HEAD = {
    "reduction_dilation": 1,
    "global_context": "none",
    "local_context": "none",
    "blocks": 1,
    "after_context": "none",
}
BACKBONES = ("resnet10", "resnet18", "resnet34", "resnet50", "resnet101")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What `acnet.model.build_network` takes; params/model.yaml explains each value."""

    backbone: Literal[BACKBONES]
    base_width: int = limited(low=8, high=256)  # below, gradients of oneDNN are wrong on AVX2 (its issue 6035)
    stem: Literal["7x7", "deep"] = "7x7"
    output_stride: Literal[8, 16] = 16
    dilation: Literal["uniform", "prior"] = "uniform"
    multi_grid: list[int] | None = limited(None, low=1, high=64, count=3)
    reduction: int = limited(512, low=1)
    reduction_dilation: int = limited(low=1, high=64, before=1)
    global_context: Literal["none", "gc", "gcm"] = "gcm"
    local_context: Literal["none", "lc", "lcm"] = "lcm"
    blocks: int = limited(3, low=1, high=3)
    global_blocks: list[int] | None = limited(low=1, high=3, rising=True, distinct=True, before=None)
    reuse: int = limited(3, low=1, high=5)
    delta: float = limited(5.0, low=1e-3)
    gate: Literal["distance", "constant", "shuffled"] = limited(before="distance")
    global_conv: Literal["conv_bn_relu", "conv1x1", "conv_then_pool"] = "conv_bn_relu"
    distance: Literal["euclidean", "scaled"] = "euclidean"
    learn_scalars: bool = limited(before=True)
    local_channels: int = limited(64, low=1)
    block_channels: list[int] = limited(low=1, count=2)
    after_context: Literal["none", "conv_bn_relu"] = limited(before="none")
    dropout: float = limited(0.1, low=0, high=0.99)
    align_corners: bool = True
    auxiliary: bool = False
    auxiliary_channels: int = limited(256, low=1)
    head: str = limited(before="none")
    head_options: dict[str, Any] | None = limited(before=None)

    def has_global_context(self, block: int) -> bool:
        """Whether a block, counted from 1, has a global context module."""
        return self.global_context != "none" and (self.global_blocks is None or block in self.global_blocks)

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, for values that do not go together."""
        if self.head == "none" and self.head_options is not None:
            raise AcnetError(f"{where}.head_options: there is no head; name one of params/heads.yaml under head")
        if self.head != "none":
            for name, value in REPLACED_BY_A_HEAD.items():
                if getattr(self, name) != value:
                    raise AcnetError(f"{where}.{name}: head {self.head} replaces ACNet's blocks; leave {name} out")
        if self.local_context == "lcm" and self.global_context != "gcm":
            raise AcnetError(f"{where}.local_context: lcm takes its gate from global_context: gcm; set that, or lc")
        if self.blocks > 1 and self.local_context == "none":
            raise AcnetError(f"{where}.blocks: {self.blocks} needs local_context lc or lcm")
        if self.blocks == 3 and self.global_context == "none":
            raise AcnetError(
                f"{where}.blocks: the third block is a global context module only; set global_context gc or gcm"
            )
        if self.global_context == "none" or self.global_blocks is None:
            return
        here, numbers = f"{where}.global_blocks: {self.global_blocks}", range(1, self.blocks + 1)
        if self.global_blocks[-1] > self.blocks:
            raise AcnetError(f"{here} of {self.blocks} blocks; name only those")
        if self.blocks == 3 and 3 not in self.global_blocks:
            raise AcnetError(f"{here}: the third block is a global context module only; add 3, or set blocks: 2")
        if self.local_context == "lcm" and self.global_blocks != list(numbers):
            raise AcnetError(
                f"{here}: lcm takes the gate of its own block; name {list(numbers)}, or set local_context: lc"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What `acnet.train` takes. Sizes in pixels, learning rates per iteration, times in minutes."""

    epochs: int = limited(low=1)
    batch: int = limited(low=1)
    crop: list[int] = limited(low=1, count=2)
    base_size: int | None = limited(low=1)
    scale_range: list[float] = limited(low=0.05, high=8, count=2, rising=True)
    flip: float = limited(low=0, high=1)
    learning_rate: float = limited(low=0)
    new_layers_factor: float = limited(low=0)
    momentum: float = limited(low=0, high=1)
    weight_decay: float = limited(low=0)
    decay_norm: bool
    decay_scalars: bool
    power: float = limited(low=0)
    auxiliary_weight: float = limited(low=0)
    ohem: bool
    ohem_threshold: float = limited(low=0, high=1)
    ohem_keep: float = limited(low=0, high=1)
    precision: Literal["float32", "bfloat16", "float16"]
    accumulate: int = limited(low=1)
    compile: bool
    threads: int = limited(low=1)
    save_minutes: float = limited(low=0)
    validate_every: int = limited(low=0, before=0)
    tensorboard: bool = limited(before=False)
