"""The parameters of training, by name and type; the origins stand in params/recipe.yaml."""

import dataclasses
from typing import Literal

from acnet.params.strict import limited


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What `acnet.train` takes. Sizes in pixels, learning rates per iteration, times in minutes."""

    epochs: int = limited(low=1)
    batch: int = limited(low=1)
    crop: list[int] = limited(low=1, count=2)
    base_size: int | None = limited(low=1)
    scale_range: list[float] = limited(low=0.05, high=8, count=2, rising=True)
    mirror: float = limited(low=0, high=1)
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
