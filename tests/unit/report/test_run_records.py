"""Records of finished runs: what comes back is what was there, and what must not be published is refused."""

import dataclasses
import json
import shutil

import pytest
from fabricated import MINI, write_gates, write_images, write_metrics, write_params

from acnet.cli import main
from acnet.jobs.run_lock import RunLock
from acnet.params.campaign import Campaign
from acnet.params.run import write_run
from acnet.provenance import source_hash
from acnet.report.report import Report
from acnet.report.results import Results
from acnet.report.run_records import publish_runs, record_file, restore_runs
from acnet.report.scale import scale_info
from acnet.report.tables import write_table
from acnet.status import is_restored, run_status


@pytest.fixture
def settings(root):
    """The project's params/ at mini, where gc_s16 alone has a second seed."""
    made = Campaign(root / "params", "mini")
    made.scale = dataclasses.replace(made.scale, more_seeds={"gc_s16": [1]})
    return made


@pytest.fixture
def finish(settings, tmp_path):
    """A function that makes up a finished run, trained by today's code from a commit, and returns its folder."""

    def finish(name, seed=0, checkpoint=True, **provenance):
        folder = tmp_path / "results/mini" / name / f"seed{seed}"
        write_params(folder, "mini", name, seed, "cityscapes")
        write_run(settings.resolve(name, seed), settings.origins(name), folder / "params.yaml")
        made = json.loads((folder / "provenance.json").read_text())
        made |= {"params_hash": settings.resolve(name, seed).digest(), "source_hash": source_hash()}
        (folder / "provenance.json").write_text(json.dumps(made | provenance))
        write_metrics(folder, "mini", name, seed, "single", "cityscapes")
        write_images(tmp_path / "results/mini", name, range(seed + 80, seed + 90), seed=seed)
        write_gates(folder)
        (folder / "examples.npz").touch()
        if checkpoint:
            (folder / "checkpoint.pt").touch()
        return folder

    return finish


def test_what_is_restored_elsewhere_is_equal_to_the_byte_and_fills_the_same_cells(settings, finish, tmp_path, root):
    folders = [finish("fcn_s16"), finish("gc_s16"), finish("gc_s16", 1)]
    here, there = tmp_path / "results", tmp_path / "there"
    written, refused = publish_runs(settings, here, tmp_path / "reports")
    assert len(written) == 3 and not refused
    assert len(restore_runs(settings, there, tmp_path / "reports")) == 3
    for folder in folders:
        copy = there / folder.relative_to(here)
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        kept = names - {"checkpoint.pt", "examples.npz"}
        assert len(kept) == 6
        assert {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} == kept | {"restored"}
        for name in kept:
            assert (copy / name).read_bytes() == (folder / name).read_bytes(), name
    drawn = []
    for results in (here, there):
        roots = {"params_root": root / "params", "results_root": results, "out_root": tmp_path / results.name}
        write_table("table1", Report(scale_info(settings, results), **roots))
        drawn.append((tmp_path / results.name / "mini/tables/table1.csv").read_bytes())
    assert drawn[0] == drawn[1] and b",0;1," in drawn[0]


def test_equal_runs_are_equal_records_and_a_record_is_written_once(settings, finish, tmp_path):
    finish("fcn_s16")
    (first,), _ = publish_runs(settings, tmp_path / "results", tmp_path / "reports")
    (again,), _ = publish_runs(settings, tmp_path / "results", tmp_path / "elsewhere")
    assert first.read_bytes() == again.read_bytes()
    assert publish_runs(settings, tmp_path / "results", tmp_path / "reports") == ([], [])
    restore_runs(settings, tmp_path / "there", tmp_path / "reports")
    assert publish_runs(settings, tmp_path / "there", tmp_path / "reports") == ([], [])


def test_a_run_of_code_that_no_commit_holds_and_a_stale_one_have_no_record(settings, finish, tmp_path):
    finish("fcn_s16", dirty=True)
    finish("gc_s16", source_hash="another")
    finish("gc_s16", 1, params_hash="another")
    finish("gc_s8", commit=None, dirty=None)
    finish("fcn_s8")
    written, refused = publish_runs(settings, tmp_path / "results", tmp_path / "reports")
    assert written == [record_file(tmp_path / "reports", "mini", "fcn_s8", 0)]
    reasons = ["fcn_s16/seed0 (trained with uncommitted changes)", "gc_s16/seed0 (code changed since)"]
    reasons += ["gc_s16/seed1 (parameters changed since)"]
    assert sorted(refused) == sorted([*reasons, "gc_s8/seed0 (trained without Git, so that its commit is not known)"])


def test_a_record_replaces_no_run_that_has_its_checkpoint(settings, finish, tmp_path):
    finish("fcn_s16", seconds=1)
    publish_runs(settings, tmp_path / "results", tmp_path / "reports")
    folder = finish("fcn_s16", seconds=2)
    assert restore_runs(settings, tmp_path / "results", tmp_path / "reports") == []
    (folder / "checkpoint.pt").unlink()
    assert restore_runs(settings, tmp_path / "results", tmp_path / "reports") == [folder]
    assert Results(MINI, tmp_path / "results").provenance("fcn_s16", 0)["seconds"] == 1


def test_a_restored_run_counts_as_done_until_its_parameters_change(settings, finish, tmp_path):
    finish("fcn_s16")
    publish_runs(settings, tmp_path / "results", tmp_path / "reports")
    assert not is_restored(settings, "fcn_s16", 0, tmp_path / "results")
    restore_runs(settings, tmp_path / "there", tmp_path / "reports")
    assert run_status(settings, "fcn_s16", 0, tmp_path / "there", tmp_path / "logs").state == "done"
    file = shutil.copytree(settings.params, tmp_path / "params") / "scales/mini.yaml"
    file.write_text(file.read_text().replace("epochs: 50", "epochs: 51"))
    changed = Campaign(tmp_path / "params", "mini")
    assert run_status(changed, "fcn_s16", 0, tmp_path / "there", tmp_path / "logs").state == "waiting"


def test_a_record_that_has_changed_is_restored_again_but_not_into_a_training(settings, finish, tmp_path):
    reports, there = tmp_path / "reports", tmp_path / "there"
    finish("fcn_s16")
    publish_runs(settings, tmp_path / "results", reports)
    (folder,) = restore_runs(settings, there, reports)
    assert restore_runs(settings, there, reports) == []
    (finish("fcn_s16", seconds=2) / "gates.json").unlink()
    publish_runs(settings, tmp_path / "results", reports)
    lock = RunLock(folder / "resume")
    lock.acquire(lambda _: None)
    assert restore_runs(settings, there, reports) == []
    lock.release()
    assert restore_runs(settings, there, reports) == [folder]
    assert json.loads((folder / "provenance.json").read_text())["seconds"] == 2
    assert not (folder / "gates.json").exists()


def test_half_a_record_is_refused_in_one_line(settings, finish, tmp_path, root, capsys):
    finish("fcn_s16")
    (file,), _ = publish_runs(settings, tmp_path / "results", tmp_path / "reports")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    roots = [f"--params-root={root / 'params'}", f"--results-root={tmp_path / 'there'}"]
    assert main([*roots, f"--reports-root={tmp_path / 'reports'}", "report", "restore-runs"]) == 2
    assert f"{file}: not a complete record" in capsys.readouterr().err
    assert not (tmp_path / "there/mini/fcn_s16/seed0/restored").exists()
