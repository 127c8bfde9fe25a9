"""params/measures.yaml: what is measured besides the confusion matrix, and how sure a number is."""

import dataclasses
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.layers import sourced_layer
from acnet.params.schema import build, limited, read_mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measures:
    """The values of measures.yaml, which explains each.

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


def load_measures(params_root: str | Path) -> Measures:
    """Read `params_root`/measures.yaml; AcnetError naming file and key for any mistake in it."""
    file = f"{params_root}/measures.yaml"
    kinds = {field.name: Measures for field in dataclasses.fields(Measures)}
    layer = sourced_layer(read_mapping(file), kinds, file)
    return build(Measures, {key: entry.value for key, entry in layer.items()}, file)
