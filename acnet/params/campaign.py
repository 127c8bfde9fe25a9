"""params/ as a whole at one scale, and the resolving of one run to its complete parameters."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.params.datasets import Dataset, load_datasets
from acnet.params.layers import (
    NETWORK,
    TRAINING,
    Layer,
    model_layer,
    own_layer,
    recipe_layers,
    scale_layers,
    stages_of,
)
from acnet.params.marked import Marked
from acnet.params.network import Network
from acnet.params.protocols import Protocol, Protocols
from acnet.params.runs import Run, load_runs
from acnet.params.scales import Scale, load_scale
from acnet.params.strict import among, known, nearest
from acnet.params.tables import Tables
from acnet.params.training import Training
from acnet.params.weights import IMAGENET1K_V1, initial_weights


@dataclasses.dataclass(frozen=True)
class Resolved:
    """The complete parameters of a run and, by dotted name, where each value comes from."""

    values: dict[str, Any]
    origins: dict[str, Marked]


class Campaign:
    """Everything under `params` for one scale; any mistake in it is an AcnetError naming file and key."""

    def __init__(self, params: str | Path, scale: str):
        self.params = Path(params)
        self.scale_name = scale
        self.scale: Scale = load_scale(self.params, scale)
        self._scale_file = f"{self.params}/scales/{scale}.yaml"
        self.datasets: dict[str, Dataset] = load_datasets(self.params)
        self._model = model_layer(self.params)
        played, self._recipe = recipe_layers(self.params)
        self._overrides = scale_layers(self.scale, played, self._scale_file)
        self.runs: dict[str, Run] = load_runs(self.params, played)
        self._own = {name: own_layer(run, self.params) for name, run in self.runs.items()}
        self._protocols = Protocols(self.params, played, self.scale.protocols, self._scale_file)
        self._check_scale(played)

    @property
    def protocols(self) -> list[str]:
        """The names of protocols.yaml."""
        return self._protocols.names()

    @property
    def titles(self) -> dict[str, str]:
        """What reports call each protocol."""
        return self._protocols.titles

    def shown(self, tables: Tables) -> list[str]:
        """The tables and figures of this scale; AcnetError for a name that `tables` lacks."""
        for kind, names in (("tables", tables.tables), ("figures", tables.figures)):
            for name in getattr(self.scale, kind):
                among(name, names, f"{self._scale_file}: {kind}")
        return self.scale.tables + self.scale.figures

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
        layers = (self._model, self._recipe.get(f"roles.{role}", {}), self._overrides.get(f"roles.{role}", {}))
        return [layer["backbone"].value for layer in layers if "backbone" in layer][-1]

    @functools.cache  # noqa: B019 - a campaign lives as long as the process
    def resolve(self, name: str, seed: int) -> Resolved:
        """The complete parameters of a run with a seed: what training and evaluation read."""
        run = self.run(name)
        dataset = self.dataset_of(name)
        facts = self.datasets[dataset]
        chosen: dict[str, Marked] = {}
        for layer in self._layers(run):
            chosen.update(layer)
        for key in TRAINING:
            if key not in chosen:
                where = f"neither common nor datasets.{run.dataset} sets it, nor does run '{name}'"
                raise AcnetError(f"{self.params}/recipe.yaml: key '{key}' is missing: {where}")
        network = Network(**{key: chosen[key].value for key in NETWORK})
        training = Training(**{key: chosen[key].value for key in TRAINING})
        own = f"{self.params}/runs.yaml: {name}"
        _check_together(network, own)
        splits = [facts.train, facts.fine_tune or facts.evaluate] if run.fine_tune else [facts.train]
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
            "init": initial_weights(self.scale, network, run.fine_tune, own),
            "train": dataclasses.asdict(training),
        }
        origins = {f"model.{key}": chosen[key] for key in NETWORK} | {f"train.{key}": chosen[key] for key in TRAINING}
        return Resolved(values, origins)

    @functools.cache  # noqa: B019 - as above
    def protocol(self, name: str, run_name: str) -> Protocol:
        """A protocol with everything settled for one run."""
        train = self.resolve(run_name, self.scale.seeds[0]).values["train"]
        return self._protocols.settled(name, self.run(run_name).dataset, train)

    def _layers(self, run: Run) -> list[Layer]:
        """All layers of a run, the later winning: of each stage the recipe's, then the scale's."""
        both = (self._recipe, self._overrides)
        layers = [layers.get(name, {}) for names in stages_of(run) for layers in both for name in names]
        return [self._model, *layers, self._own[run.name]]

    def _check_scale(self, played: tuple[str, ...]) -> None:
        """Refuse a scale that names datasets or backbones that there are not."""
        for paper, dataset in self.scale.plays.items():
            among(paper, played, f"{self._scale_file}: plays")
            among(dataset, self.datasets, f"{self._scale_file}: plays.{paper}")
        known(self.scale.weights, IMAGENET1K_V1, f"{self._scale_file}: weights")


def _check_together(network: Network, where: str) -> None:
    """Refuse values that do not go together."""
    if network.local_context == "lcm" and network.global_context != "gcm":
        raise AcnetError(f"{where}.local_context: lcm takes its gate from global_context: gcm; set that, or lc")
    if network.blocks > 1 and network.local_context == "none":
        raise AcnetError(f"{where}.blocks: {network.blocks} needs local_context lc or lcm")
    if network.blocks == 3 and network.global_context == "none":
        raise AcnetError(
            f"{where}.blocks: the third block is a global context module only; set global_context gc or gcm"
        )
