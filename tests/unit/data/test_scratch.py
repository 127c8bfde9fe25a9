"""A dataset on the reading machine's own disk: whole, verified, shared between jobs, freed when it is outdated."""

import json
import multiprocessing

import pytest

from acnet.data import scratch
from acnet.data.scratch import near
from acnet.data.store import MANIFEST, Store
from acnet.errors import AcnetError
from tests.tiny import prepare
from tests.workflow.conftest import files_below

NAME = "mini_camvid"


@pytest.fixture
def data(tmp_path, monkeypatch):
    prepare(tmp_path / "data")
    monkeypatch.setenv("ACNET_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setattr(scratch, "_held", [])
    return tmp_path / "data"


def test_nothing_is_copied_unless_it_is_asked_for(data, monkeypatch, tmp_path):
    monkeypatch.delenv("ACNET_SCRATCH")
    assert near(data, NAME, ["train"]) == data and not (tmp_path / "scratch").exists()


def test_the_copy_is_equal_and_a_second_job_takes_it_as_it_is(data, tmp_path):
    root = near(data, NAME, ["train"])
    assert root != data and root.is_relative_to(tmp_path / "scratch")
    shared = files_below(data / NAME)
    manifest = json.loads((data / NAME / MANIFEST).read_text())
    copied = files_below(root / NAME)
    assert {n: h for n, h in copied.items() if n.endswith(".bin")} == {
        n: h for n, h in shared.items() if n.endswith(".bin")
    }
    assert json.loads((root / NAME / MANIFEST).read_text()) == manifest
    assert (Store(root / NAME, "train").image(3) == Store(data / NAME, "train").image(3)).all()
    before = {path: path.stat().st_ino for path in root.rglob("*.bin")}
    assert near(data, NAME, ["train"]) == root
    assert {path: path.stat().st_ino for path in root.rglob("*.bin")} == before


def test_a_variable_in_its_name_is_the_machines(data, tmp_path, monkeypatch):
    monkeypatch.setenv("ACNET_SCRATCH", "$OF_THE_JOB/here")
    monkeypatch.setenv("OF_THE_JOB", str(tmp_path / "job17"))
    assert near(data, NAME, ["train"]).is_relative_to(tmp_path / "job17/here")


def test_a_variable_that_is_not_set_is_no_folder(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACNET_SCRATCH", "$OF_NO_JOB/here")
    assert near(data, NAME, ["train"]) == data and not (tmp_path / "$OF_NO_JOB").exists()
    assert "ACNET_SCRATCH: $OF_NO_JOB/here: a variable in it is not set" in capsys.readouterr().err
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACNET_SCRATCH", "~/here")
    assert near(data, NAME, ["train"]).is_relative_to(tmp_path / "home/here")


def test_jobs_that_start_together_copy_once(data, tmp_path):
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        roots = pool.starmap(near, [(data, NAME, ["train"])] * 4)
    assert len(set(roots)) == 1
    assert not list((tmp_path / "scratch").rglob("*.part"))
    Store(roots[0] / NAME, "train")


def test_shared_data_that_differs_from_its_manifest_is_refused_and_nothing_of_it_stays(data, tmp_path):
    file = data / NAME / "train.labels.bin"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(AcnetError, match=r"train.labels.bin: its content is not what manifest.json says; delete"):
        near(data, NAME, ["train"])
    assert not list((tmp_path / "scratch").rglob("train.labels.bin*"))


def test_a_copy_broken_off_is_made_whole(data):
    root = near(data, NAME, ["train"])
    (root / NAME / "train.index.json").unlink()
    (root / NAME / "train.images.bin").write_bytes(b"half")
    assert near(data, NAME, ["train"]) == root
    Store(root / NAME, "train")


def test_where_there_is_no_room_the_shared_data_is_read_and_that_is_said(data, monkeypatch, capsys):
    monkeypatch.setattr("acnet.files._SPARE", 1 << 62)
    assert near(data, NAME, ["train"]) == data
    assert (
        f"GB are free; free some and run the same command again; {data / NAME} is read instead"
        in capsys.readouterr().err
    )


def test_an_outdated_copy_goes_once_nobody_reads_it(data, monkeypatch):
    old = near(data, NAME, ["train"])
    manifest = json.loads((data / NAME / MANIFEST).read_text())
    manifest["splits"]["train"]["note"] = "prepared again"
    (data / NAME / MANIFEST).write_text(json.dumps(manifest))
    new = near(data, NAME, ["train"])
    assert new != old and old.exists()  # this very process may still read it
    for handle in scratch._held:
        handle.close()
    assert near(data, NAME, ["train"]) == new
    assert new.exists() and not old.exists()
