"""The parameters and FLOPs of each network, which tables show beside its numbers."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.params.campaign import Campaign
from acnet.params.tables import load_tables
from acnet.progress import Progress
from acnet.report.scale import ScaleInfo


@dataclasses.dataclass(frozen=True)
class Size:
    """Trainable parameters, and FLOPs of a forward pass for one image at the training crop, without auxiliary head."""

    parameters: int
    flops: int


Sizes = Mapping[str, Size]


def write_networks(scale: ScaleInfo, params_root: str | Path, results_root: str | Path, out_root: str | Path) -> Path:
    """Write out_root/{scale}/networks.json, the size of each network that a table or figure shows; return the path."""
    from acnet.plan.measure import parameters_and_flops

    campaign, tables = Campaign(params_root, scale.name), load_tables(params_root)
    names = tables.trained(campaign.shown(tables) + campaign.on_request(tables))
    progress, found = Progress("counting parameters and operations", len(names), "networks"), {}
    for name in names:
        found[name] = dataclasses.asdict(Size(*parameters_and_flops(campaign.resolve(name, campaign.scale.seeds[0]))))
        progress.advance(note=name)
    progress.finish()
    file = Path(out_root) / scale.name / "networks.json"
    write_json(file, found)
    return file


def read_networks(scale: ScaleInfo, out_root: str | Path) -> Sizes:
    """The sizes in out_root/{scale}/networks.json, by run."""
    file = Path(out_root) / scale.name / "networks.json"
    if not file.exists():
        raise AcnetError(f"{file}: not there; `acnet report networks --scale {scale.name}` writes it")
    return {run: Size(**size) for run, size in read_json(file).items()}
