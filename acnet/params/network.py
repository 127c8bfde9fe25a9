"""The parameters of a network, by name and type; the origins stand in params/model.yaml."""

import dataclasses
from typing import Literal

from acnet.errors import AcnetError
from acnet.params.strict import limited


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What `acnet.model.build_network` takes; params/model.yaml explains each value."""

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101"]
    base_width: int = limited(low=4, high=256)
    stem: Literal["7x7", "deep"] = "7x7"
    output_stride: Literal[8, 16] = 16
    dilation: Literal["uniform", "lineage"] = "uniform"
    multi_grid: list[int] | None = limited(None, low=1, high=64, count=3)
    reduction: int = limited(512, low=1)
    global_context: Literal["none", "gc", "gcm"] = "gcm"
    local_context: Literal["none", "lc", "lcm"] = "lcm"
    blocks: int = limited(3, low=1, high=3)
    reuse: int = limited(3, low=1, high=3)
    delta: float = limited(5.0, low=1e-3)
    global_conv: Literal["conv_bn_relu", "conv1x1"] = "conv_bn_relu"
    distance: Literal["euclidean", "scaled"] = "euclidean"
    local_channels: int = limited(64, low=1)
    block_channels: list[int] = limited(low=1, count=2)
    dropout: float = limited(0.1, low=0, high=0.99)
    align_corners: bool = True
    auxiliary: bool = False
    auxiliary_channels: int = limited(256, low=1)

    def check(self, where: str) -> None:
        """AcnetError, opening with `where`, for values that do not go together."""
        if self.local_context == "lcm" and self.global_context != "gcm":
            raise AcnetError(f"{where}.local_context: lcm takes its gate from global_context: gcm; set that, or lc")
        if self.blocks > 1 and self.local_context == "none":
            raise AcnetError(f"{where}.blocks: {self.blocks} needs local_context lc or lcm")
        if self.blocks == 3 and self.global_context == "none":
            raise AcnetError(
                f"{where}.blocks: the third block is a global context module only; set global_context gc or gcm"
            )
