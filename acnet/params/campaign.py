"""params/ as a whole at one scale, and the resolving of one run to its complete parameters."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.datasets import Dataset, load_datasets
from acnet.params.marked import Marked, marked, plain
from acnet.params.network import Network
from acnet.params.protocols import Protocol
from acnet.params.scales import Scale, load_scale
from acnet.params.strict import build, nearest
from acnet.params.training import Training
from acnet.params.weights import initial_weights

STRATEGIES = ("multi_grid", "random_scale", "ohem")
ROLES = ("r50", "r101")
_RUN_KEYS = ("dataset", "role", "strategies", "fine_tune")
_NETWORK = tuple(field.name for field in dataclasses.fields(Network))
_TRAINING = tuple(field.name for field in dataclasses.fields(Training))
_PROTOCOL = tuple(field.name for field in dataclasses.fields(Protocol) if field.name != "name")

Layer = Mapping[str, Marked]


@dataclasses.dataclass(frozen=True)
class Run:
    """One entry of runs.yaml: what differs from the recipe."""

    name: str
    dataset: str
    role: str
    strategies: tuple[str, ...]
    fine_tune: str | None
    own: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Resolved:
    """The complete parameters of a run (or protocol) and, by dotted name, where each value comes from."""

    values: dict[str, Any]
    origins: dict[str, Marked]


class Campaign:
    """Everything under `params` for one scale; any mistake in it is an AcnetError naming file and key."""

    def __init__(self, params: str | Path, scale: str):
        self.params = Path(params)
        self.scale_name = scale
        self.scale: Scale = load_scale(self.params, scale)
        self.datasets: dict[str, Dataset] = load_datasets(self.params)
        self._model = _layer(read_yaml(self.params / "model.yaml"), _NETWORK, f"{self.params}/model.yaml")
        self._recipe = read_yaml(self.params / "recipe.yaml")
        self._protocols = read_yaml(self.params / "protocols.yaml")
        self.runs: dict[str, Run] = self._load_runs()
        self._check()

    @property
    def protocols(self) -> list[str]:
        """The names of protocols.yaml."""
        return list(self._protocols)

    def run(self, name: str) -> Run:
        """The entry of runs.yaml; AcnetError with the nearest name if there is none."""
        if name not in self.runs:
            raise AcnetError(f"run '{name}': {self.params}/runs.yaml has no such entry{nearest(name, self.runs)}")
        return self.runs[name]

    def dataset_of(self, name: str) -> str:
        """The dataset that a run really uses at this scale; AcnetError if the scale has none for it."""
        played = self.run(name).dataset
        if played not in self.scale.plays:
            have = ", ".join(run for run, entry in self.runs.items() if entry.dataset in self.scale.plays)
            raise AcnetError(f"run '{name}': scale '{self.scale_name}' has no dataset for {played}; it has: {have}")
        return self.scale.plays[played]

    def backbone(self, role: str) -> str:
        """The backbone that plays a role of the paper at this scale."""
        return self.scale.roles.get(role, {}).get("backbone", self._recipe["roles"][role]["backbone"]["value"])

    @functools.cache  # noqa: B019 - a campaign lives as long as the process
    def resolve(self, name: str, seed: int) -> Resolved:
        """The complete parameters of a run with a seed: what training and evaluation read."""
        run = self.run(name)
        dataset = self.dataset_of(name)
        facts = self.datasets[dataset]
        chosen: dict[str, Marked] = {}
        for layer in self._layers(run):
            chosen.update(layer)
        where = f"run '{name}' at scale '{self.scale_name}'"
        network = build(Network, {key: chosen[key].value for key in _NETWORK if key in chosen}, where)
        training = build(Training, {key: chosen[key].value for key in _TRAINING if key in chosen}, where)
        _check_values(network, training, where)
        splits = [facts.train, facts.evaluate] if run.fine_tune else [facts.train]
        values = {
            "scale": self.scale_name,
            "run": name,
            "seed": seed,
            "dataset": dataset,
            "reader": facts.reader,
            "classes": facts.classes,
            "train_splits": splits,
            "evaluate_split": facts.evaluate,
            "model": dataclasses.asdict(network),
            "init": initial_weights(self.scale, network, run.fine_tune, where),
            "train": dataclasses.asdict(training),
        }
        origins = {f"model.{key}": chosen[key] for key in _NETWORK} | {f"train.{key}": chosen[key] for key in _TRAINING}
        return Resolved(values, origins)

    @functools.cache  # noqa: B019 - as above
    def protocol(self, name: str, run_name: str) -> Protocol:
        """A protocol with everything settled for one run."""
        if name not in self._protocols:
            raise AcnetError(
                f"protocol '{name}': {self.params}/protocols.yaml has no such entry{nearest(name, self._protocols)}"
            )
        file = f"{self.params}/protocols.yaml: {name}"
        sections = self._protocols[name]
        chosen: dict[str, Any] = {}
        for section in ("common", self.run(run_name).dataset):
            entries = _layer(sections.get(section, {}), _PROTOCOL, f"{file}.{section}")
            chosen.update({key: entry.value for key, entry in entries.items()})
        overrides = self.scale.protocols.get(name, {})
        _known(overrides, _PROTOCOL, f"{self._scale_file}: protocols.{name}")
        chosen.update(overrides)
        train = self.resolve(run_name, self.scale.seeds[0]).values["train"]
        if chosen["base_size"] == "train":
            chosen["base_size"] = train["base_size"]
        window = chosen["window"]
        by_name = {"crop": train["crop"], "whole": None}
        if isinstance(window, str):
            if window not in by_name:
                raise AcnetError(f"{file}.window: '{window}' is not valid; expected crop, whole, pixels or [h, w]")
            chosen["window"] = by_name[window]
        elif isinstance(window, int):
            chosen["window"] = [window, window]
        protocol = build(Protocol, {"name": name, **chosen}, file)
        if not protocol.scales:
            raise AcnetError(f"{file}.scales: empty; give at least one, such as [1.0]")
        if protocol.window is not None and len(protocol.window) != 2:
            raise AcnetError(f"{file}.window: expected [height, width], got {protocol.window}")
        return protocol

    @property
    def _scale_file(self) -> str:
        return f"{self.params}/scales/{self.scale_name}.yaml"

    def _layers(self, run: Run) -> list[Layer]:
        """All layers that make up a run, the later winning."""
        file = f"{self.params}/recipe.yaml"
        own = f"{self.params}/runs.yaml: {run.name}"
        layers = [self._model]
        names = _NETWORK + _TRAINING
        layers += [_layer(section, names, where) for section, where in _sections(self._recipe, run, file)]
        scale = _sections(dataclasses.asdict(self.scale), run, self._scale_file)
        layers += [_plain_layer(section, names, "scale", where) for section, where in scale]
        layers.append(_plain_layer(run.own, names, "run", own))
        return layers

    def _load_runs(self) -> dict[str, Run]:
        file = self.params / "runs.yaml"
        entries = read_yaml(file)
        return {name: self._load_run(name, entry, entries, f"{file}: {name}") for name, entry in entries.items()}

    def _load_run(self, name: str, entry: Any, entries: Mapping, where: str) -> Run:
        if not isinstance(entry, dict):
            raise AcnetError(f"{where}: expected a mapping, got {entry!r}")
        _known(entry, _RUN_KEYS + _NETWORK + _TRAINING, where)
        source = entry.get("fine_tune")
        if source is not None:
            _among(source, entries, f"{where}.fine_tune")
            if entries[source].get("fine_tune") is not None:
                raise AcnetError(f"{where}.fine_tune: '{source}' is itself fine-tuned")
            # It is the same network: whatever makes that one different makes this one so too.
            same = {key: value for key, value in entries[source].items() if key not in _TRAINING}
            entry = same | entry
        for key in ("dataset", "role"):
            if key not in entry:
                raise AcnetError(f"{where}: key '{key}' is missing")
        _among(entry["role"], ROLES, f"{where}.role")
        _among(entry["dataset"], self._recipe["datasets"], f"{where}.dataset")
        strategies = entry.get("strategies", [])
        if not isinstance(strategies, list):
            raise AcnetError(f"{where}.strategies: expected a list, got {strategies!r}")
        for strategy in strategies:
            _among(strategy, STRATEGIES, f"{where}.strategies")
        own = {key: value for key, value in entry.items() if key not in _RUN_KEYS}
        return Run(name, entry["dataset"], entry["role"], tuple(strategies), source, own)

    def _check(self) -> None:
        """Refuse what no run would meet: unknown sections, datasets and names in recipe, scale and protocols."""
        recipe, scale = f"{self.params}/recipe.yaml", self._scale_file
        _known(self._recipe, ("common", "datasets", "roles", "strategies", "fine_tuning"), recipe)
        played = tuple(self._recipe["datasets"])
        for role_or_dataset, dataset in self.scale.plays.items():
            _among(role_or_dataset, played, f"{scale}: plays")
            _among(dataset, self.datasets, f"{scale}: plays.{role_or_dataset}")
        for top, file in ((self._recipe, recipe), (dataclasses.asdict(self.scale), scale)):
            for section, names in (
                ("datasets", played),
                ("roles", ROLES),
                ("strategies", STRATEGIES),
                ("fine_tuning", played),
            ):
                _known(top[section], names, f"{file}: {section}")
        for name in self.scale.protocols:
            _among(name, self._protocols, f"{scale}: protocols")
        for name, sections in self._protocols.items():
            _known(sections, ("common", *played), f"{self.params}/protocols.yaml: {name}")
        _known(self.scale.weights, ("resnet18", "resnet34", "resnet50", "resnet101"), f"{scale}: weights")


def _sections(top: Mapping, run: Run, file: str) -> list[tuple[dict, str]]:
    """The sections of a recipe (or a scale's overrides) that apply to a run, in order."""
    of_dataset = dict(top["datasets"].get(run.dataset, {}))
    by_role = {role: of_dataset.pop(role, {}) for role in ROLES}
    sections = [
        (top["common"], f"{file}: common"),
        (of_dataset, f"{file}: datasets.{run.dataset}"),
        (by_role[run.role], f"{file}: datasets.{run.dataset}.{run.role}"),
        (top["roles"].get(run.role, {}), f"{file}: roles.{run.role}"),
    ]
    sections += [(top["strategies"].get(name, {}), f"{file}: strategies.{name}") for name in run.strategies]
    if run.fine_tune:
        sections.append((top["fine_tuning"].get(run.dataset, {}), f"{file}: fine_tuning.{run.dataset}"))
    return sections


def _layer(entries: Mapping, names: tuple[str, ...], where: str) -> dict[str, Marked]:
    _known(entries, names, where)
    return {key: marked(entry, f"{where}.{key}") for key, entry in entries.items()}


def _plain_layer(
    entries: Mapping, names: tuple[str, ...], whose: Literal["scale", "run"], where: str
) -> dict[str, Marked]:
    _known(entries, names, where)
    return {key: plain(value, whose, where) for key, value in entries.items()}


def _known(entries: Mapping, names: tuple[str, ...], where: str) -> None:
    for key in entries:
        if key not in names:
            raise AcnetError(f"{where}: unknown key '{key}'{nearest(key, names)}")


def _among(name: str, names: Any, where: str) -> None:
    if name not in names:
        raise AcnetError(f"{where}: unknown name '{name}'{nearest(name, names)}")


def _check_values(network: Network, training: Training, where: str) -> None:
    """Refuse what no single field can see."""
    for key, values, count in (
        ("crop", training.crop, 2),
        ("scale_range", training.scale_range, 2),
        ("block_channels", network.block_channels, 2),
        ("multi_grid", network.multi_grid, 3),
    ):
        if values is not None and len(values) != count:
            raise AcnetError(f"{where}: {key}: expected {count} numbers, got {values}")
    if training.scale_range[0] > training.scale_range[1]:
        raise AcnetError(f"{where}: scale_range: {training.scale_range} runs downwards")
    if network.local_context == "lcm" and network.global_context != "gcm":
        raise AcnetError(f"{where}: local_context: lcm takes its gate from global_context: gcm; set that, or lc")
    if network.blocks > 1 and network.local_context == "none":
        raise AcnetError(f"{where}: blocks: {network.blocks} needs local_context lc or lcm")
    if network.blocks == 3 and network.global_context == "none":
        raise AcnetError(
            f"{where}: blocks: the third block is a global context module only; set global_context gc or gcm"
        )
