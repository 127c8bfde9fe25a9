"""Reads the results of the runs of one scale; what is missing is None."""

import dataclasses
import functools
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import Interval, interval
from acnet.evaluate.counts import Counts, counts_file, read_counts
from acnet.evaluate.metrics import class_iou, mean_over_classes, metrics_of
from acnet.files import read_json, read_yaml
from acnet.params.run import Run, read_run
from acnet.params.schema import build
from acnet.params.tables import Source
from acnet.report.scale import ScaleInfo
from acnet.report.uncertainty import image_weights
from acnet.status import Status, unfinished_status


@dataclasses.dataclass(frozen=True)
class Samples:
    """A metric in percent by seed, once for each bootstrap sample of the `images` (names); NaN without a value."""

    images: tuple[str, ...]
    values: dict[int, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Example:
    """One image (H, W, 3), its label and prediction (H, W), all uint8, and the gates (h, w) float32, coarsest first."""

    name: str
    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray
    gates: tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True)
class ServerScore:
    """A test server's answer, in percent; `note` says where it can be seen, `submission` which zip was judged."""

    miou: float | None = None
    final_score: float | None = None
    per_class: dict[str, float] = dataclasses.field(default_factory=dict)
    note: str | None = None
    submission: dict[str, Any] = dataclasses.field(default_factory=dict)

    def of(self, metric: str, class_name: str | None) -> float | None:
        """The number for a table column; None if the server did not give it."""
        return self.per_class.get(class_name) if class_name else getattr(self, metric, None)


class Results:
    """Reads results/{scale}, every file once. `logs_root` holds the training logs (by default logs/ beside it)."""

    def __init__(self, scale: ScaleInfo, results_root: str | Path, logs_root: str | Path | None = None):
        self.scale = scale
        self.folder = Path(results_root) / scale.name
        self._logs = Path(logs_root or Path(results_root).parent / "logs") / "train" / scale.name

    def seed_folder(self, run: str, seed: int) -> Path:
        """Where `run` with `seed` lies."""
        return self.folder / run / f"seed{seed}"

    @functools.cache  # noqa: B019 - a Results lives as long as the report
    def metrics(self, run: str, protocol: str, seed: int) -> Mapping[str, Any] | None:
        """One metrics file; AcnetError if it says it belongs elsewhere."""
        path = self.seed_folder(run, seed) / "metrics" / f"{protocol}.json"
        if not path.exists():
            return None
        metrics = read_json(path, "scale", "run", "seed", "protocol")
        named = {**metrics, "protocol": metrics["protocol"]["name"]}
        for key, expected in {"scale": self.scale.name, "run": run, "seed": seed, "protocol": protocol}.items():
            if named[key] != expected:
                raise AcnetError(
                    f"{path}: {key} is {named[key]!r}, but its place says {expected!r}; move it away and run again"
                )
        return metrics

    def measured(self, run: str, protocol: str) -> dict[int, Mapping[str, Any]]:
        """The metrics of `run` by `protocol`, of each seed that has some; AcnetError if their settings differ."""
        found = {seed: self.metrics(run, protocol, seed) for seed in self.scale.seeds}
        found = {seed: metrics for seed, metrics in found.items() if metrics}
        first, *others = {metrics.get("protocol_hash"): seed for seed, metrics in found.items()}.values() or [None]
        if others:
            raise AcnetError(
                f"{self.folder / run}: seeds {first} and {others[0]} were measured with different settings of protocol "
                f"'{protocol}' (protocol_hash); evaluate {run} again"
            )
        return found

    def other_settings(self, sources: Iterable[Source]) -> list[str]:
        """Those of the (run, protocol) `sources` that were measured with other settings than an earlier one of them."""
        first: dict[str, Mapping[str, Any]] = {}
        found = []
        for run, protocol in dict.fromkeys(sources):
            for metrics in self.measured(run, protocol).values():
                if changed_settings(first.setdefault(protocol, metrics["protocol"]), metrics["protocol"]):
                    found.append(f"{run} ({protocol})")
        return list(dict.fromkeys(found))

    def scores(self, run: str, protocol: str, metric: str, classes: str | None = None) -> dict[int, float]:
        """A metric in percent by seed, of the scale's seeds that have it.

        `classes` is a class or a group of classes, whose IoU is their mean.
        """
        found, names = {}, self._names(run, classes)
        for seed, metrics in self.measured(run, protocol).items():
            value = metrics.get(metric) if names is None else mean_iou(metrics, names)
            if value is not None:
                found[seed] = 100.0 * value
        return found

    @functools.cache  # noqa: B019
    def counts(self, run: str, protocol: str, seed: int) -> Counts | None:
        """The confusion counts of each image."""
        path = counts_file(self.seed_folder(run, seed) / "metrics" / f"{protocol}.json")
        return read_counts(path) if path.exists() else None

    @functools.cache  # noqa: B019
    def resampled(self, run: str, protocol: str, seed: int, **part) -> np.ndarray | None:
        """The areas (3, S, K) of S bootstrap samples, as in acnet.evaluate.metrics; of a `part` as in `Counts`."""
        counts = self.counts(run, protocol, seed)
        if counts is None:
            return None
        weights = image_weights(counts.names, self.scale.blocks.get(run), self.scale.measures)
        return weights @ counts.by_image(**part).astype(np.float64)

    def samples(self, run: str, protocol: str, metric: str, classes: str | None = None) -> Samples | None:
        """`scores` in each bootstrap sample; None if some seed's counts are missing."""

        names = self._names(run, classes)

        def score(areas: np.ndarray, metrics: Mapping[str, Any]) -> np.ndarray | None:
            if names is None:
                return metrics_of(areas, metrics.get("reader", ""), absent_rule(metrics)).get(metric)
            return sampled_mean_iou(areas, metrics, names) if metrics["class_iou"].keys() >= set(names) else None

        return self.sampled(run, protocol, score)

    def _names(self, run: str, classes: str | None) -> list[str] | None:
        """The names of `classes`, a class or a group of the dataset of `run`."""
        return None if classes is None else self.scale.class_groups.get(run, {}).get(classes, [classes])

    def sampled(self, run: str, protocol: str, score: Callable, **part) -> Samples | None:
        """`score`(areas, metrics), a fraction, of the samples of each seed, as in `resampled`; None without one."""
        found, images = {}, set()
        for seed, metrics in self.measured(run, protocol).items():
            areas = self.resampled(run, protocol, seed, **part)
            values = None if areas is None else score(areas, metrics)
            if values is None:
                return None
            found[seed] = 100 * values
            images.add(tuple(self.counts(run, protocol, seed).names))
        return Samples(images.pop(), found) if len(images) == 1 else None

    def interval(self, run: str, protocol: str, metric: str, classes: str | None = None) -> Interval | None:
        """The confidence interval over images of the mean of `scores`."""
        samples = self.samples(run, protocol, metric, classes)
        return samples and interval(np.mean(list(samples.values.values()), axis=0), self.scale.measures.level)

    def provenance(self, run: str, seed: int) -> dict | None:
        """The provenance of a trained run."""
        return self._json(self.seed_folder(run, seed) / "provenance.json", "commit")

    def run(self, run: str, seed: int) -> Run | None:
        """A run as its params.yaml states it."""
        path = self.seed_folder(run, seed) / "params.yaml"
        return read_run(path) if path.exists() else None

    def first_run(self, run: str) -> Run | None:
        """A run as the params.yaml of its first seed at hand states it."""
        return next(filter(None, (self.run(run, seed) for seed in self.scale.seeds)), None)

    def protocols(self, run: str, seed: int) -> list[str]:
        """The protocols that `run` was evaluated with, sorted."""
        return sorted(path.stem for path in (self.seed_folder(run, seed) / "metrics").glob("*.json"))

    def examples(self, run: str) -> list[Example]:
        """The examples of the first seed of `run` that has some; AcnetError if their file is broken."""
        paths = [self.seed_folder(run, seed) / "examples.npz" for seed in self.scale.seeds]
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            return []
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays = {key: data[key] for key in data.files}
            return [_example(arrays, index, str(name)) for index, name in enumerate(arrays["names"])]
        except (KeyError, ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise AcnetError(f"{path}: truncated or corrupt ({error}); write it again") from error

    def gates(self, run: str) -> dict[int, dict]:
        """gates.json of each seed of `run` that has one; AcnetError if seeds were measured with different groups."""
        found = {seed: self._json(self.seed_folder(run, seed) / "gates.json", "blocks") for seed in self.scale.seeds}
        found = {seed: gates for seed, gates in found.items() if gates}
        for gates in found.values():
            for number, block in enumerate(gates["blocks"], 1):
                block.setdefault("block", number)  # measured before files stated it, where every block had a gate
        groups = {
            seed: [[*block["classes"], *block["distances"]] for block in one["blocks"]] for seed, one in found.items()
        }
        first = next(iter(groups), None)
        if other := [seed for seed in groups if groups[seed] != groups[first]]:
            raise AcnetError(
                f"{self.folder / run}: the gates of seeds {first} and {other[0]} were measured in different groups; "
                "`acnet gates` measures them again"
            )
        return found

    def state(self, run: str, seed: int) -> str:
        """How far `run` has come: measured, trained, not run, or what `acnet status` says of an unfinished one."""
        if self.protocols(run, seed):
            return "measured"
        if (self.seed_folder(run, seed) / "provenance.json").exists():
            return "trained"
        state = self.unfinished(run, seed).state
        return "not run" if state == "waiting" else state

    def unfinished(self, run: str, seed: int) -> Status:
        """What `acnet status` says of a run without a result."""
        return unfinished_status(run, seed, self.seed_folder(run, seed), self._logs / run / f"seed{seed}.log")

    @functools.cache  # noqa: B019
    def server(self, table: str) -> ServerScore | None:
        """The test server's scores for `table`, from server/{table}.yaml."""
        path = self.folder / "server" / f"{table}.yaml"
        return build(ServerScore, read_yaml(path), f"{path}: scores") if path.exists() else None

    @staticmethod
    def _json(path: Path, *keys: str) -> dict | None:
        return read_json(path, *keys) if path.exists() else None


def absent_rule(metrics: Mapping[str, Any]) -> str:
    """The protocol's rule for classes that never occur, as the `metrics` of a run were measured."""
    return metrics.get("protocol", {}).get("absent", "ignore")


def changed_settings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The settings of a protocol that differ between two measurements; window and size follow the runs' own crops."""
    keys = {**one, **other}
    return [key for key in keys if one.get(key) != other.get(key) and key not in ("window", "base_size")]


def mean_iou(metrics: Mapping[str, Any], names: Sequence[str]) -> float | None:
    """The mean IoU of the classes `names`, a fraction; None if one of them has none."""
    found = [metrics.get("class_iou", {}).get(name) for name in names]
    return None if None in found else float(np.mean(found))


def sampled_mean_iou(areas: np.ndarray, metrics: Mapping[str, Any], names: Sequence[str]) -> np.ndarray:
    """`mean_iou` of bootstrap samples, from their areas (3, S, K), over the classes that occur: (S,)."""
    every = list(metrics["class_iou"])
    return mean_over_classes(class_iou(areas)[:, [every.index(name) for name in names]])


def labelled_miou(areas: np.ndarray) -> np.ndarray:
    """mIoU of a part of the pixels, from its areas (3, ..., K): the mean over the classes that are labelled there.

    A class that is predicted there and labelled elsewhere would count as 0, and which these are depends on the network.
    """
    return mean_over_classes(np.where(areas[1] > 0, class_iou(areas), np.nan))


def _example(arrays: dict[str, np.ndarray], index: int, name: str) -> Example:
    gates = []
    while f"gate_{index}_{len(gates)}" in arrays:
        gates.append(arrays[f"gate_{index}_{len(gates)}"])
    return Example(name, *(arrays[f"{key}_{index}"] for key in ("image", "label", "prediction")), tuple(gates))
