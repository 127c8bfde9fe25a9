"""params/measures.yaml: what is measured besides the confusion matrix, and how sure a number is."""

import dataclasses
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.marked import marked
from acnet.params.strict import build, field_value, known, limited, mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measures:
    """The values of measures.yaml, which explains each.

    `bands` and `gate_distances` are pixels from a label edge, rising; `contour` a share of the image's diagonal;
    `small` and `large` shares of the image's pixels.
    """

    bands: list[int] = limited(low=1, high=99)
    contour: float = limited(low=0.0, high=0.5)
    small: float = limited(low=0.0, high=1.0)
    large: float = limited(low=0.0, high=1.0)
    gate_distances: list[int] = limited(low=1, high=999)
    resamples: int = limited(low=100, high=100_000)
    level: float = limited(low=0.5, high=0.999)
    seed: int = limited(low=0)


def load_measures(params_root: str | Path) -> Measures:
    """Read `params_root`/measures.yaml; AcnetError naming file and key for any mistake in it."""
    path = Path(params_root) / "measures.yaml"
    data = mapping(read_yaml(path), str(path))
    known(data, [field.name for field in dataclasses.fields(Measures)], str(path))
    values = {key: marked(entry, f"{path}: {key}").value for key, entry in data.items()}
    for key, value in values.items():
        field_value(Measures, key, value, f"{path}: {key}")
    measures = build(Measures, values, str(path))
    for key in ("bands", "gate_distances"):
        steps = getattr(measures, key)
        if not steps or sorted(set(steps)) != steps:
            raise AcnetError(f"{path}: {key}: {steps} does not rise; write each distance once, smallest first")
    if measures.small > measures.large:
        raise AcnetError(f"{path}: small: {measures.small} is above large, {measures.large}; exchange them")
    return measures
