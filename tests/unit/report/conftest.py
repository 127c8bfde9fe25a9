"""A fabricated campaign for the report's tests."""

import dataclasses
import json
from pathlib import Path

import pytest
from fabricated import MINI, fill

from acnet.params.tables import Tables, load_tables
from acnet.report.cells import all_cells, write_cells
from acnet.report.checks import Evidence
from acnet.report.claims import write_claims
from acnet.report.page import write_page
from acnet.report.report import Report
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo

ROOT = Path(__file__).resolve().parents[3]


@dataclasses.dataclass
class Campaign:
    """A scale with its results under a temporary folder; `roots` are the folders of its report."""

    scale: ScaleInfo
    roots: dict[str, Path]

    @property
    def report(self) -> Report:
        """The report of the results as they are now."""
        return Report(self.scale, **self.roots)

    @property
    def results(self) -> Path:
        return self.roots["results_root"] / self.scale.name

    @property
    def reports(self) -> Path:
        return self.roots["out_root"] / self.scale.name

    def evidence(self, entries: Tables | None = None, **changes) -> Evidence:
        """What claims are judged by; `changes` are of the scale."""
        tables = entries or load_tables(self.roots["params_root"])
        results = Results(dataclasses.replace(self.scale, **changes), self.roots["results_root"])
        return Evidence(tables, all_cells(tables, results), results)

    def claims(self) -> dict:
        """What claims.json holds, written from the results as they are now."""
        write_cells(self.report)
        return json.loads(write_claims(self.report).read_text())

    def page(self, data_root: Path = Path("data")) -> str:
        """The page, written from the results as they are now."""
        self.claims()
        return write_page(dataclasses.replace(self.report, data_root=data_root)).read_text()


@pytest.fixture(autouse=True)
def sizes(monkeypatch):
    """Networks of one size, which it takes no torch to know."""
    monkeypatch.setattr("acnet.plan.measure.parameters_and_flops", lambda run: (32_955_987, 189_449_109_504))


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
