"""All of params/ at one scale, and the complete parameters of each run."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.config import BACKBONES, NetworkConfig, TrainingConfig
from acnet.params.datasets import Dataset, load_datasets
from acnet.params.heads import REPLACED, head_options, load_heads
from acnet.params.layers import (
    BOTH,
    NETWORK,
    SECTIONS,
    TRAINING,
    Layer,
    Sourced,
    merged,
    plain_layer,
    sections,
    sourced_layer,
)
from acnet.params.protocols import Protocol, Protocols
from acnet.params.run import Run, run_folder
from acnet.params.run_matrix import RunEntry, load_runs
from acnet.params.scales import Scale, load_scale
from acnet.params.schema import among, build, field_value, mapping, nearest, read_mapping
from acnet.params.tables import Table, Tables, load_tables
from acnet.params.weights import initial_weights

GATES_PROTOCOL = "single"  # gates are measured on whole images, at this protocol's size and precision


class Campaign:
    """Everything under `params` for one scale; any mistake in it is an AcnetError naming file and key."""

    def __init__(self, params: str | Path, scale: str):
        self.params = Path(params)
        self.scale_name = scale
        self.scale: Scale = load_scale(self.params, scale)
        # Built first, so that a mistake in its file is reported as one of that file.
        base = Campaign(self.params, self.scale.like) if self.scale.like else None
        self._scale_file = f"{self.params}/scales/{scale}.yaml"
        self.datasets: dict[str, Dataset] = load_datasets(self.params)
        model, recipe = f"{self.params}/model.yaml", f"{self.params}/recipe.yaml"
        self._model = merged([sourced_layer(read_mapping(model), NETWORK, model)], NETWORK, model)
        data = merged([read_mapping(recipe, SECTIONS)], SECTIONS, recipe)
        written = mapping(data["datasets"], f"{recipe}: datasets")
        self._recipe = {
            name: sourced_layer(entries, BOTH, f"{recipe}: {name}")
            for name, entries in sections(data, written, recipe).items()
        }
        self._overrides = {
            name: plain_layer(entries, BOTH, "scale", f"{self._scale_file}: {name}")
            for name, entries in sections(vars(self.scale), written, self._scale_file).items()
        }
        self.heads = load_heads(self.params)
        self.runs: dict[str, RunEntry] = load_runs(self.params, written)
        self._own = {
            name: plain_layer(run.own, BOTH, "run", f"{self.params}/runs.yaml: {name}")
            for name, run in self.runs.items()
        }
        where = f"{self._scale_file}: runs"
        of_scale = {
            name: plain_layer(entries, BOTH, "scale", f"{where}.{name}")
            for name, entries in mapping(self.scale.runs, where, self.runs).items()
        }
        for name, run in self.runs.items():
            if run.fine_tune in of_scale:  # the network of the run that it starts from, but what it sets itself
                source = self.runs[run.fine_tune].own
                taken = {key for key in NETWORK if run.own.get(key) == source.get(key)}
                network = {key: value for key, value in of_scale[run.fine_tune].items() if key in taken}
                self._own[name] = _with_options(self._own[name], network)
            self._own[name] = _with_options(self._own[name], of_scale.get(name, {}))
        if base:
            for layers, inherited in ((self._overrides, base._overrides), (self._own, base._own)):
                layers |= {name: _with_origins(layers[name], layer) for name, layer in inherited.items()}
        self._protocols = Protocols(self.params, written, self.scale.protocols, self._scale_file)
        self.titles = self._protocols.titles
        for paper, dataset in mapping(self.scale.stands_in, f"{self._scale_file}: stands_in", written).items():
            among(dataset, self.datasets, f"{self._scale_file}: stands_in.{paper}")
        for run, seeds in mapping(self.scale.more_seeds, f"{self._scale_file}: more_seeds", self.runs).items():
            field_value(Scale, "seeds", seeds, f"{self._scale_file}: more_seeds.{run}")
        mapping(self.scale.weights, f"{self._scale_file}: weights", BACKBONES)

    @functools.cached_property
    def tables(self) -> Tables:
        """The tables and figures of tables.yaml, of this scale and of others."""
        return load_tables(self.params)

    @property
    def protocols(self) -> list[str]:
        """The names of protocols.yaml."""
        return list(self.titles)

    @property
    def runs_with_data(self) -> dict[str, str]:
        """The runs that this scale has a dataset for, and which."""
        used = self.scale.stands_in
        return {name: used[run.dataset] for name, run in self.runs.items() if run.dataset in used}

    @property
    def generated(self) -> bool:
        """Whether all images of this scale are generated, so that they may be published."""
        return all(self.datasets[name].generate for name in self.scale.stands_in.values())

    def shown(self) -> list[str]:
        """The tables and figures of this scale; AcnetError for a name that tables.yaml lacks."""
        for kind, names in (("tables", self.tables.tables), ("figures", self.tables.figures)):
            for name in getattr(self.scale, kind):
                among(name, names, f"{self._scale_file}: {kind}")
        return self.scale.tables + self.scale.figures

    def on_request(self) -> list[str]:
        """The on-request tables for which this scale has the data, the splits and the groups of classes."""
        return [
            name
            for name, table in self.tables.tables.items()
            if table.on_request and name not in self.scale.tables and self._can_fill(table)
        ]

    def _can_fill(self, table: Table) -> bool:
        """Whether the scale has data for the runs of a table, the splits that are scored, and its groups of classes."""
        sources = table.sources()
        used = {self.scale.stands_in.get(self.entry(run).dataset) for run, _ in sources}
        return (
            None not in used
            and all(table.class_groups <= self.datasets[it].class_groups.keys() for it in used)
            and all(self.has_split(run, protocol) for run, protocol in sources)
        )

    def has_split(self, run: str, protocol: str) -> bool:
        """Whether the dataset of a run has the split that a protocol scores."""
        dataset = self.datasets[self.dataset_of(run)]
        return (self.protocol(protocol, run).split or dataset.evaluate) in dataset.splits

    def requested(self, results: Path) -> list[str]:
        """The on-request tables that the report includes.

        A table is included if `results` has a metrics file for it that no table or figure before it shows; if all its
        metrics are shown before, any of them is enough.
        """
        usual, folder = self.shown(), results / self.scale_name
        found: list[str] = []
        for name in self.on_request():
            sources = set(self.tables.sources([name]))
            own = sources - set(self.tables.sources(usual + found)) or sources
            if any(any(folder.glob(f"{run}/seed*/metrics/{protocol}.json")) for run, protocol in own):
                found.append(name)
        return found

    def entry(self, name: str) -> RunEntry:
        """The entry of runs.yaml; AcnetError with the nearest name if there is none."""
        if name not in self.runs:
            raise AcnetError(f"run '{name}': {self.params}/runs.yaml has no such entry{nearest(name, self.runs)}")
        return self.runs[name]

    def seeds(self, name: str) -> list[int]:
        """The seeds that a run is trained with."""
        return list(dict.fromkeys([*self.scale.seeds, *self.scale.more_seeds.get(name, [])]))

    def dataset_of(self, name: str) -> str:
        """The dataset that a run really uses at this scale; AcnetError if the scale has none for it."""
        dataset = self.entry(name).dataset
        if dataset not in self.scale.stands_in:
            have = ", ".join(self.runs_with_data)
            raise AcnetError(f"run '{name}': scale '{self.scale_name}' has no dataset for {dataset}; it has: {have}")
        return self.scale.stands_in[dataset]

    def backbone(self, role: str) -> str:
        """The backbone of a role of the paper at this scale."""
        parts = [
            part.get(section, {}) for part in (self._recipe, self._overrides) for section in ("common", f"roles.{role}")
        ]
        layers = [self._model, *parts]
        return [layer["backbone"].value for layer in layers if "backbone" in layer][-1]

    @functools.cache  # noqa: B019 - a campaign lives as long as the process
    def resolve(self, name: str, seed: int) -> Run:
        """The run with a seed, its parameters complete: what training and evaluation read."""
        if seed != self.scale.seeds[0]:
            return dataclasses.replace(self.resolve(name, self.scale.seeds[0]), seed=seed)
        entry, dataset, chosen = self.entry(name), self.dataset_of(name), self._chosen(name)
        facts = self.datasets[dataset]
        own = f"{self.params}/runs.yaml: {name}"
        model = build(NetworkConfig, {key: chosen[key].value for key in NETWORK}, own)
        return Run(
            scale=self.scale_name,
            name=name,
            seed=seed,
            dataset=dataset,
            reader=facts.reader,
            classes=facts.classes,
            class_colours=facts.class_colours,
            train_splits=[facts.train, facts.fine_tune or facts.evaluate] if entry.fine_tune else [facts.train],
            evaluate_split=facts.evaluate,
            model=model,
            init=initial_weights(self.scale, model, entry.fine_tune, own),
            train=TrainingConfig(**{key: chosen[key].value for key in TRAINING}),
        )

    def origins(self, name: str) -> dict[str, Sourced]:
        """Where each value of `model` and `train` of a run comes from, by dotted name."""
        chosen = self._chosen(name)
        parts = (("model", NETWORK), ("train", TRAINING))
        return {f"{part}.{key}": chosen[key] for part, keys in parts for key in keys}

    @functools.cache  # noqa: B019 - as above
    def protocol(self, name: str, run_name: str) -> Protocol:
        """A protocol with its values for one run."""
        train = self.resolve(run_name, self.scale.seeds[0]).train
        return self._protocols.resolve(name, self.entry(run_name).dataset, train)

    def trained_folder(self, results: Path, name: str, seed: int) -> Path:
        """The folder of a trained run.

        Raises AcnetError for an unknown run or seed, and without a checkpoint, with what trains or restores it.
        """
        self.dataset_of(name)
        folder, scale = run_folder(results, self.scale_name, name, seed), self.scale_name
        if (folder / "checkpoint.pt").exists():
            return folder
        if seed not in self.seeds(name):
            seeds = ", ".join(map(str, self.seeds(name)))
            raise AcnetError(f"run '{name}': no seed {seed} at scale '{scale}'; its seeds: {seeds}")
        if (folder / "provenance.json").exists():
            raise AcnetError(
                f"{folder}/checkpoint.pt: trained, but not here; "
                f"`snakemake --cores 1 restore --config scale={scale}` restores it from a remote, "
                f"`snakemake --cores 1 {folder}/checkpoint.pt --config scale={scale}` trains it again"
            )
        have = sorted(run for run in self.runs if (run_folder(results, scale, run, seed) / "checkpoint.pt").exists())
        raise AcnetError(
            f"run '{name}': not trained here with seed {seed}, {folder} has no checkpoint.pt; "
            f"`snakemake --cores all runs --config scale={scale} runs={name} seeds={seed}` trains it; "
            + (f"trained with it: {', '.join(have)}" if have else "no run of this scale is trained with it")
        )

    def runs_with_gates(self, names: Iterable[str]) -> list[str]:
        """Those of the runs `names` that have gates and are measured here, not only fine-tuned for a test server."""
        sent = {run for table in self.tables.tables.values() for run in table.fine_tuned()}
        return [name for name in names if name not in sent and self._has_gates(name)]

    def require_gates(self, results: Path, name: str) -> None:
        """AcnetError unless the gates of a run are measured here: it is misspelt, has none, or what to do first."""
        if not self._has_gates(name):
            raise AcnetError(f"run {name} has no distance gate; name a run with global_context: gcm and gate: distance")
        seeds = self.seeds(name)
        if not any((run_folder(results, self.scale_name, name, seed) / "gates.json").exists() for seed in seeds):
            folder = self.trained_folder(results, name, seeds[0])
            raise AcnetError(f"{folder}/gates.json: not found; `acnet gates --params {folder}/params.yaml` measures it")

    def _has_gates(self, name: str) -> bool:
        model = self.resolve(name, self.scale.seeds[0]).model
        return model.global_context == "gcm" and model.gate == "distance"

    def _chosen(self, name: str) -> dict[str, Sourced]:
        """The value of each parameter of a run with its origin.

        Within a stage, the scale overrides recipe.yaml; a later stage overrides an earlier one.
        """
        both, stages = (self._recipe, self._overrides), self.entry(name).stages()
        layers = [part.get(section, {}) for stage in stages for part in both for section in stage]
        where = f"{self.params}/recipe.yaml: for run '{name}'"
        chosen = merged([self._model, *layers, self._own[name]], BOTH, where)
        if chosen["head"].value != "none":
            chosen = merged([self._model, *layers, REPLACED, self._own[name]], BOTH, where)
            chosen["head_options"] = head_options(self.heads, chosen["head"], chosen["head_options"])
        return chosen


def _with_options(own: Layer, layer: Layer) -> Layer:
    """`own` overridden by `layer`; `head_options` of the same head are merged key by key."""
    if "head" not in layer and "head_options" in own and "head_options" in layer and layer["head_options"].value:
        options = {**(own["head_options"].value or {}), **layer["head_options"].value}
        layer = {**layer, "head_options": dataclasses.replace(layer["head_options"], value=options)}
    return {**own, **layer}


def _with_origins(layer: Mapping[str, Sourced], base: Mapping[str, Sourced]) -> dict[str, Sourced]:
    """`layer`, in which values that are those of `base` have the origin they have there."""
    return {key: base[key] if key in base and base[key].value == entry.value else entry for key, entry in layer.items()}
