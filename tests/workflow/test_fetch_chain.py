"""A real dataset's way from archives to its prepared form, with small archives under the real names."""

import hashlib
import os
import re
import shutil
import time

import pytest

from acnet.data.generate import generate
from tests.workflow.conftest import counted

MANIFEST = "data/ade20k/manifest.json"
AT_PAPER = (MANIFEST, "--config", "scale=paper")


@pytest.fixture
def small(project, tmp_path, monkeypatch):
    """A project whose ADE20K is small, and whose archives lie in a folder of the user's."""
    tree = tmp_path / "tree"
    generate("ade20k", tree, 1, {"train": 3, "val": 2, "test": 2}, (32, 40))
    archives = tmp_path / "archives"
    archives.mkdir()
    shutil.make_archive(str(archives / "ADEChallengeData2016"), "zip", tree, "ADEChallengeData2016")
    shutil.make_archive(str(archives / "release_test"), "zip", tree, "release_test")
    path = project.folder / "params/datasets.yaml"
    text = path.read_text().replace("{train: 20210, val: 2000, test: 3352}", "{train: 3, val: 2, test: 2}")
    path.write_text(re.sub(r"\n      (md5|sha1): \w+", "", text))
    monkeypatch.setenv("ACNET_ARCHIVES", str(archives))
    monkeypatch.delenv("ACNET_ADE20K", raising=False)
    return project


def test_archives_are_fetched_extracted_and_prepared_once(small):
    done = small.snakemake("--cores", "1", *AT_PAPER)
    assert {"fetch", "extract", "prepare"} <= set(counted(done.stdout))
    assert '"images": 3' in (small.folder / MANIFEST).read_text()
    assert not small.planned(*AT_PAPER)


def test_a_folder_at_hand_is_prepared_without_fetching(small, tmp_path, monkeypatch):
    monkeypatch.setenv("ACNET_ADE20K", str(tmp_path / "tree"))
    done = small.snakemake("--cores", "1", *AT_PAPER)
    assert set(counted(done.stdout)) == {"prepare"}
    assert not small.planned(*AT_PAPER)
    generate("ade20k", tmp_path / "other", 2, {"train": 3, "val": 2, "test": 2}, (32, 40))
    monkeypatch.setenv("ACNET_ADE20K", str(tmp_path / "other"))
    done = small.snakemake("--cores", "1", *AT_PAPER, check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert (
        f"acnet: data/ade20k: prepared from {tmp_path / 'tree'}, but the files in ACNET_ADE20K={tmp_path / 'other'}"
        in done.stdout
    )
    monkeypatch.setenv("ACNET_ADE20K", str(tmp_path / "gone"))
    assert not small.planned(*AT_PAPER)
    monkeypatch.delenv("ACNET_ADE20K")
    assert not small.planned(*AT_PAPER)


def test_a_changed_archive_is_noticed_on_the_way(small, tmp_path):
    archive = tmp_path / "archives/ADEChallengeData2016.zip"
    params = small.folder / "params/datasets.yaml"
    entry = f"file: {archive.name}\n"
    published = f"{entry}      sha256: {hashlib.sha256(archive.read_bytes()).hexdigest()}\n"
    params.write_text(params.read_text().replace(entry, published))
    small.snakemake("--cores", "1", "data/archives/ade20k/fetched.json", "--config", "scale=paper")
    shutil.make_archive(str(archive.with_suffix("")), "zip", tmp_path / "tree", "release_test")
    os.remove(small.folder / "data/archives/ade20k/fetched.json")
    time.sleep(0.01)
    done = small.snakemake("--cores", "1", *AT_PAPER, check=False)
    assert done.returncode != 0
    assert "ADEChallengeData2016.zip: its sha256 is" in done.stdout and "Traceback" not in done.stdout
