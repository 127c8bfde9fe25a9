"""What every table, figure, claim and page is made from, and the folder that they go to."""

import dataclasses
import functools
from pathlib import Path
from typing import NamedTuple

from acnet.params.campaign import Campaign
from acnet.params.tables import Tables
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo


class Size(NamedTuple):
    """Trainable parameters, and FLOPs of a forward pass for one image at the training crop, without auxiliary head."""

    parameters: int
    flops: int


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """A scale's report, written to `out_root`/{scale}."""

    scale: ScaleInfo
    params_root: Path
    results_root: Path
    out_root: Path
    data_root: Path = Path("data")
    logs_root: Path | None = None

    @functools.cached_property
    def folder(self) -> Path:
        """Where the report lies."""
        return self.out_root / self.scale.name

    @functools.cached_property
    def campaign(self) -> Campaign:
        """The parameters of the scale's runs."""
        return Campaign(self.params_root, self.scale.name)

    @property
    def tables(self) -> Tables:
        """What tables and figures show, of this scale and of others."""
        return self.campaign.tables

    @functools.cached_property
    def results(self) -> Results:
        """What the runs left behind."""
        return Results(self.scale, self.results_root, self.logs_root)

    @property
    def runs(self) -> list[str]:
        """Every run that the scale's tables and figures need trained."""
        return self.tables.trained(self.scale.shown)

    @functools.cache  # noqa: B019 - a report lives as long as the process
    def size(self, run: str) -> Size:
        """The size of a run's network as it was trained, else as params/ say, counted without computing it."""
        from acnet.plan.measure import parameters_and_flops

        trained = self.results.first_run(run)
        return Size(*parameters_and_flops(trained or self.campaign.resolve(run, self.scale.seeds[0])))
