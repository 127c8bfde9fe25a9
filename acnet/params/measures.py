"""params/measures.yaml: metrics besides the confusion matrix, confidence intervals, the rule for verdicts."""

import dataclasses
from pathlib import Path
from typing import TypeVar

from acnet.errors import AcnetError
from acnet.params.layers import sourced_layer
from acnet.params.schema import build, limited, read_mapping

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measures:
    """The values of measures.yaml that decide what is measured; the file explains each.

    `bands` and `gate_distances` are pixels from a label edge, rising; `contour` a share of the image's diagonal;
    `small` and `large` shares of the image's pixels.
    """

    bands: list[int] = limited(low=1, high=99, rising=True, distinct=True)
    contour: float = limited(low=0.0, high=0.5)
    small: float = limited(low=0.0, high=1.0)
    large: float = limited(low=0.0, high=1.0)
    gate_distances: list[int] = limited(low=1, high=999, rising=True, distinct=True)
    resamples: int = limited(low=100, high=100_000)
    level: float = limited(low=0.5, high=0.999)
    seed: int = limited(low=0)

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, for limits of a small and a large segment that overlap."""
        if self.small > self.large:
            raise AcnetError(f"{where}: small: {self.small} is above large, {self.large}; exchange them")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """The values of measures.yaml that decide verdicts and do not affect any measurement.

    A difference is equivalent to 0 if its interval lies within +-`margin` points; `power` is the probability of a
    verdict that a stated number of seeds gives.
    """

    margin: float = limited(low=0.0)
    power: float = limited(low=0.5, high=0.999)


def load_measures(params_root: str | Path) -> Measures:
    """What `params_root`/measures.yaml says of measuring; AcnetError naming file and key for any mistake in it."""
    return _load(params_root, Measures)


def load_rule(params_root: str | Path) -> Rule:
    """What `params_root`/measures.yaml says of verdicts; AcnetError as `load_measures`."""
    return _load(params_root, Rule)


def _load(params_root: str | Path, part: type[T]) -> T:
    file = f"{params_root}/measures.yaml"
    kinds = {field.name: kind for kind in (Measures, Rule) for field in dataclasses.fields(kind)}
    layer = sourced_layer(read_mapping(file), kinds, file)
    return build(part, {key: entry.value for key, entry in layer.items() if kinds[key] is part}, file)
