"""`dvc repro` and `dvc exp run`: the same Snakemake, with a changed parameter, in the project or in a copy of it."""

import pytest
import yaml

from acnet.files import read_yaml
from tests.small_campaign import shrink

from .temporary_project import Project, fill, make_project

RUN = "gcm_d5_s16"
ASKED = ("-S", "workflow/config.yaml:target=runs", "-S", f"workflow/config.yaml:runs={RUN}")


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Project:
    """A project whose networks train in a second; nothing has run in it."""
    project = make_project(tmp_path_factory.mktemp("small") / "project")
    shrink(project.root / "params")
    project.git("commit", "--quiet", "--all", "-m", "smaller")
    return project


def test_an_experiment_trains_with_its_parameter_here_in_a_copy_and_from_the_queue(small):
    # Here: Snakemake prepares the data, trains, measures; the row is complete, its checkpoint in DVC's cache.
    small.dvc("exp", "run", "-n", "here", *ASKED, "-S", "params/model.yaml:dropout=0.2")
    rows = small.rows()
    assert len({tuple(sorted(row)) for row in rows.values()}) == 1
    assert all(value not in (None, "", {}) for row in rows.values() for value in row.values())
    assert (rows["here"]["run"], rows["here"]["delta"], rows["here"]["stale"]) == (RUN, 5.0, "no")
    assert "dropout: 0.2  # ours: set for this experiment" in (small.folder(RUN) / "params.yaml").read_text()
    trained = small.files()
    # In copies: other parameters give other rows, and the project's own files stay as they are.
    small.git("checkout", "--quiet", "--", "params", "workflow", "experiment")
    small.git("clean", "-fdxq", "experiment")
    other = ("-S", f"params/runs.yaml:{RUN}.delta=7.0")
    small.dvc("exp", "run", "--temp", "-n", "copy", *ASKED, *other)
    small.dvc("exp", "run", "--queue", "-n", "queued", *ASKED, "-S", f"params/runs.yaml:{RUN}.delta=9.0")
    small.dvc("exp", "run", "--run-all")
    rows = small.rows()
    assert [rows[name]["delta"] for name in ("here", "copy", "queued")] == [5.0, 7.0, 9.0]
    assert all(value not in (None, "", {}) for row in rows.values() for value in row.values())
    assert small.files() == trained
    assert small.git("status", "--porcelain") == ""
    small.dvc("exp", "apply", "copy")
    placed = (small.root / "experiment" / "checkpoint.pt").read_bytes()
    assert placed != (small.folder(RUN) / "checkpoint.pt").read_bytes()
    assert read_yaml(small.root / "params" / "runs.yaml")[RUN]["delta"] == 7.0


def test_repro_draws_what_is_lacking_and_deletes_nothing(tmp_path):
    project = make_project(tmp_path / "project")
    fill(project)
    before = project.files()
    config = project.root / "workflow" / "config.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "target": "table2"}))
    project.dvc("repro")
    after = project.files()
    assert after.items() >= before.items()
    drawn = {f"reports/mini/tables/table2.{kind}" for kind in ("csv", "md", "tex")}
    assert {name for name in after if name not in before} == drawn
    assert project.git("diff", "--stat", "--", "dvc.lock") == ""
    assert 'run: "acb1"' in (project.root / "experiment" / "params.yaml").read_text()
    assert "Nothing to be done" in project.dvc("repro").stderr
    assert project.files() == after


def test_a_mistake_in_what_is_asked_is_one_line(small):
    done = small.dvc("exp", "run", "--temp", "-S", "workflow/config.yaml:target=tabel2", check=False)
    assert done.returncode != 0
    assert "acnet: workflow/config.yaml: target: unknown name 'tabel2'; did you mean 'table2'?" in done.stderr
    assert "Traceback" not in done.stderr
