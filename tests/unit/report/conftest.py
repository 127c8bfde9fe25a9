"""A fabricated campaign for the report's tests."""

import dataclasses
from pathlib import Path

import pytest
from fabricated import MINI, fill

from acnet.params.tables import Tables, load_tables
from acnet.report.scale import ScaleInfo

ROOT = Path(__file__).resolve().parents[3]


@dataclasses.dataclass
class Campaign:
    """A scale with its results under a temporary folder; `roots` are the folders every writer takes."""

    scale: ScaleInfo
    roots: dict[str, Path]

    @property
    def results(self) -> Path:
        return self.roots["results_root"] / self.scale.name

    @property
    def reports(self) -> Path:
        return self.roots["out_root"] / self.scale.name


@pytest.fixture(scope="session")
def tables() -> Tables:
    """The project's tables.yaml."""
    return load_tables(ROOT / "params")


@pytest.fixture
def campaign(tmp_path, root, tables):
    """A function that fabricates a campaign; keywords change the scale, `skip` leaves runs out."""

    def make(skip=(), reader="cityscapes", **changes) -> Campaign:
        scale = dataclasses.replace(MINI, **changes)
        params = root / "params"
        fill(tmp_path / "results", scale, tables, skip, reader)
        roots = {"params_root": params, "results_root": tmp_path / "results", "out_root": tmp_path / "reports"}
        return Campaign(scale, roots)

    return make
