"""The evaluation protocols of params/protocols.yaml: scales, flip, window and stride."""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.params.config import TrainingConfig
from acnet.params.layers import Layer, merged, plain_layer, sourced_layer
from acnet.params.schema import among, convert, limited, mapping, nearest, read_mapping, stated, usable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """One resolved evaluation protocol; its fields are written into every metrics file.

    `base_size` is the length in pixels that the `base_side` of an image gets before `scales` apply (None: its own
    size); `window` is (height, width) of the sliding window (None: the whole image), moved by `stride` of its
    side; `fusion` is what is averaged over the scales; a class that is `absent` from labels and predictions is left out
    of the mean IoU or counts as 0; `gate` is how trained gates are changed, "constant" being each gate's mean over the
    window; `batch` is the number of windows in one forward pass on a GPU; `split` is scored instead of the dataset's
    `evaluate`.
    """

    name: str
    scales: list[float] = limited(low=0.05, high=8)
    flip: bool = False
    base_size: int | None = limited(None, low=1)
    base_side: Literal["short", "long"] = "short"
    window: list[int] | None = limited(None, low=1, count=2)
    stride: float = limited(1.0, low=0.05, high=1)
    fusion: Literal["softmax", "logits"] = "softmax"
    absent: Literal["ignore", "zero"] = "ignore"
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = "float32"
    gate: Literal["trained", "constant", "shuffled"] = limited(before="trained")
    batch: int = limited(1, low=1)
    split: str | None = limited(before=None)

    def identity(self) -> dict[str, Any]:
        """The fields that identify a protocol: all but `batch`, and those added later that have their default."""
        return {key: value for key, value in stated(self).items() if key != "batch"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Written(Protocol):
    """A protocol as people write it, in terms of the run that it measures."""

    base_size: int | Literal["train"] | None = limited(None, low=1)
    window: Literal["crop", "whole"] | int | list[int] | None = limited(None, low=1, count=2)


_FIELDS = {field.name: _Written for field in dataclasses.fields(_Written) if field.name != "name"}


def protocol_names(params: str | Path) -> list[str]:
    """The names of the protocols in protocols.yaml, without its section `defaults`."""
    return [name for name in read_mapping(f"{params}/protocols.yaml") if name != "defaults"]


class Protocols:
    """protocols.yaml and what a scale overrides in it; AcnetError for any mistake in either.

    `titles` are what reports call the protocols, by name.
    """

    def __init__(self, params: Path, datasets: Collection[str], overrides: Mapping[str, Any], scale_file: str):
        self._file = f"{params}/protocols.yaml"
        self.titles: dict[str, str] = {}
        self._like: dict[str, str] = {}
        self._layers: dict[str, Layer] = {}
        for name, sections in read_mapping(self._file).items():
            where = f"{self._file}: {usable(name, self._file)}"
            known = list(self.titles)
            self.titles[name] = convert(str, mapping(sections, where).get("title", name), f"{where}.title")
            for section, entries in mapping(sections, where, ("title", "like", "common", *datasets)).items():
                if section == "like":
                    self._like[name] = among(entries, known, f"{where}.like")
                elif section != "title":
                    self._layers[f"{name}.{section}"] = sourced_layer(entries, _FIELDS, f"{where}.{section}")
        self.titles.pop("defaults", None)
        merged([self._layers.get("defaults.common", {})], _FIELDS, f"{self._file}: defaults.common")
        where = f"{scale_file}: protocols"
        for name, entries in mapping(overrides, where, self.titles).items():
            self._layers[f"scale.{name}"] = plain_layer(entries, _FIELDS, "scale", f"{where}.{name}")

    def resolve(self, name: str, dataset: str, train: TrainingConfig) -> Protocol:
        """The protocol `name` for a run with the recipe of `dataset` and the training parameters `train`."""
        if name not in self.titles:
            raise AcnetError(f"protocol '{name}': {self._file} has no such entry{nearest(name, self.titles)}")
        names = [name]
        while names[0] in self._like:
            names.insert(0, self._like[names[0]])
        parts = [part for one in names for part in (f"{one}.common", f"{one}.{dataset}", f"scale.{one}")]
        layers = [self._layers.get(part, {}) for part in ("defaults.common", f"defaults.{dataset}", *parts)]
        values = {key: entry.value for key, entry in merged(layers, _FIELDS, self._file).items()}
        if values["base_size"] == "train":
            values["base_size"] = train.base_size
        if values["window"] in ("crop", "whole"):
            values["window"] = train.crop if values["window"] == "crop" else None
        elif isinstance(values["window"], int):
            values["window"] = [values["window"]] * 2
        return Protocol(name=name, **values)
