"""The parameters and FLOPs of each network, which tables show beside its numbers."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from acnet.files import digest, read_json, write_json
from acnet.params.campaign import Campaign
from acnet.params.run import Run
from acnet.progress import Progress
from acnet.provenance import source_hash


@dataclasses.dataclass(frozen=True)
class Size:
    """Trainable parameters, and FLOPs of a forward pass for one image at the training crop, without auxiliary head."""

    parameters: int
    flops: int


Sizes = Mapping[str, Size]


def network_sizes(campaign: Campaign, names: Iterable[str], out_root: str | Path) -> Sizes:
    """The size of each run's network; each is computed once and kept in out_root/{scale}/networks.json."""
    file = Path(out_root) / campaign.scale_name / "networks.json"
    runs = {name: campaign.resolve(name, campaign.scale.seeds[0]) for name in names}
    keys = {name: _key(run) for name, run in runs.items()}
    known = _read(file)
    if missing := {keys[name]: run for name, run in runs.items() if keys[name] not in known}:
        found = _computed(missing)
        known = {**_read(file), **found}  # another table may have been drawn meanwhile
        write_json(file, known)
    return {name: Size(*known[key]) for name, key in keys.items()}


def _key(run: Run) -> str:
    return digest([dataclasses.asdict(run.model), run.classes, run.train.crop, source_hash()])


def _read(file: Path) -> dict[str, list[int]]:
    return read_json(file) if file.exists() else {}


def _computed(runs: Mapping[str, Run]) -> dict[str, list[int]]:
    from acnet.plan.measure import parameters_and_flops

    progress, found = Progress("counting parameters and operations", len(runs), "networks"), {}
    for key, run in runs.items():
        found[key] = list(parameters_and_flops(run))
        progress.advance(note=run.name)
    progress.finish()
    return found
