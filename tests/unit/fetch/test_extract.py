"""Hostile and broken archives: each refused by name, nothing of it left."""

import io
import json
import os
import shutil
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from acnet.errors import AcnetError
from acnet.fetch.extract import extract, is_extracted
from acnet.files import visible
from acnet.params.datasets import EXTRACTED, Archive


def a_dataset(file, unpacked=None):
    return SimpleNamespace(archives=[Archive(file=file, unpacked=unpacked)])


@pytest.fixture
def run(tmp_path):
    """A function that extracts one archive; after a failure nothing may be there, inside or outside."""

    def extracting(path, unpacked=None):
        fetched = {"archives": {path.name: {"path": str(path), "sha256": "0" * 64}}, "missing": {}}
        out = tmp_path / "place/raw"
        before = sorted(p for p in tmp_path.rglob("*"))
        try:
            extract("x", a_dataset(path.name, unpacked), fetched, out)
        except AcnetError:
            assert not out.exists()
            left = [p for p in tmp_path.rglob("*") if p not in before and p != tmp_path / "place"]
            assert left == []
            raise
        return out

    return extracting


def zip_of(path, *members):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of two members with one name
        for member, data in members:
            archive.writestr(member, data)
    return path


def tar_of(path, *members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, change in members:
            member = tarfile.TarInfo(name)
            data = b"x" * 10
            member.size = len(data)
            for key, value in change.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(data) if member.isfile() else None)
    return path


@pytest.mark.parametrize("name", ["/etc/evil", "../evil", "a/../../evil"])
def test_nothing_is_written_elsewhere(name, run, tmp_path):
    out = run(zip_of(tmp_path / "a.zip", ("good", "1"), (name, "1")))
    assert all(path.is_relative_to(out) for path in tmp_path.rglob("evil")) and not Path("/etc/evil").exists()
    shutil.rmtree(out)
    if name.startswith("/"):  # its root is left out, as in a zip
        run(tar_of(tmp_path / "a.tar", (name, {})))
        return
    with pytest.raises(AcnetError, match=r"a.tar: cannot be unpacked \(.*evil"):
        run(tar_of(tmp_path / "a.tar", (name, {})))


def test_a_link_in_a_zip_becomes_a_file(run, tmp_path):
    member = zipfile.ZipInfo("bad")
    member.external_attr = (stat.S_IFLNK | 0o644) << 16
    out = run(zip_of(tmp_path / "a.zip", (member, "/etc/passwd")))
    assert not (out / "bad").is_symlink() and (out / "bad").read_text() == "/etc/passwd"


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE"])
def test_links_and_devices_in_a_tar_are_refused(kind, run, tmp_path):
    change = {"type": getattr(tarfile, kind), "linkname": "/etc/passwd"}
    with pytest.raises(AcnetError, match=r"a\.tar: cannot be unpacked \(.*(bad|passwd)"):
        run(tar_of(tmp_path / "a.tar", ("good", {}), ("bad", change)))


@pytest.mark.parametrize(("name", "change"), [("../evil", {}), ("/etc/evil", {}), ("bad", {"type": tarfile.SYMTYPE})])
def test_so_is_what_leads_elsewhere_by_a_python_without_the_filter(name, change, run, tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(
        AcnetError, match=r"a\.tar: cannot be unpacked \('.*' is a link, a device or outside the folder\)"
    ):
        run(tar_of(tmp_path / "a.tar", ("good", {}), (name, change)))


def test_a_bomb_is_refused_before_it_is_unpacked(run, tmp_path):
    with pytest.raises(AcnetError, match=r"a\.zip: unpacks to more than .* bytes; possible decompression bomb"):
        run(zip_of(tmp_path / "a.zip", ("zeros", bytes(300_000_000))))
    with pytest.raises(AcnetError, match=r"a\.tar\.gz: unpacks to more than 15 bytes"):
        run(tar_of(tmp_path / "a.tar.gz", *((f"{i}", {}) for i in range(3)), mode="w:gz"), unpacked=15)


def test_a_zip_member_larger_than_it_announces_is_refused(run, tmp_path):
    path = zip_of(tmp_path / "a.zip", ("liar", bytes(5_000_000)))
    content = bytearray(path.read_bytes())
    real, said = (5_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert content.count(real) == 2
    path.write_bytes(bytes(content).replace(real, said))
    with pytest.raises(AcnetError, match=r"a\.zip: cannot be unpacked .*liar"):
        run(path)


def test_damaged_archives_are_refused(run, tmp_path):
    good = zip_of(tmp_path / "good.zip", ("a", os.urandom(10_000))).read_bytes()
    damaged = bytearray(good)
    damaged[5000] ^= 255
    (tmp_path / "damaged.zip").write_bytes(damaged)
    (tmp_path / "cut.zip").write_bytes(good[:5000])
    whole = tar_of(tmp_path / "good.tar.gz", *((f"{i}", {}) for i in range(99)), mode="w:gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    for name in ("damaged.zip", "cut.zip", "cut.tar.gz"):
        with pytest.raises(AcnetError, match=rf"{name}: cannot be unpacked \(.*\); fetch it again"):
            run(tmp_path / name)


def test_a_zip_with_a_compression_that_python_lacks_is_not_called_broken(run, tmp_path):
    path = zip_of(tmp_path / "a.zip", ("a", "1"))
    content = bytearray(path.read_bytes())
    content[8], content[content.index(b"PK\1\2") + 10] = 9, 9  # Deflate64
    path.write_bytes(content)
    with pytest.raises(AcnetError, match=r"a\.zip: cannot be unpacked \(.*compression .* not supported"):
        run(path)


def test_an_encrypted_zip_is_refused(run, tmp_path):
    path = zip_of(tmp_path / "a.zip", ("a", "1"))
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(AcnetError, match=r"a\.zip: cannot be unpacked \(.* is encrypted"):
        run(path)


def test_a_disk_too_small_is_named_before_anything_is_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**8 + 5))
    with pytest.raises(AcnetError, match=r"unpacking x needs .* free; free some and run the same command again"):
        run(zip_of(tmp_path / "a.zip", ("a", "123456")))


def test_an_interrupted_extraction_is_begun_anew_and_never_read(run, tmp_path):
    left = tmp_path / "place/.raw.part"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    (tmp_path / "place/raw").mkdir()  # as a workflow makes it for its output
    out = run(zip_of(tmp_path / "a.zip", ("folder/", ""), ("folder/a", "1")))
    assert [p.name for p in visible(out)] == [EXTRACTED, "folder"]
    assert not left.exists()
    assert json.loads((out / EXTRACTED).read_text())["archives"] == {"a.zip": "0" * 64}


def test_a_folder_of_ones_own_is_not_overwritten(tmp_path):
    out = tmp_path / "raw"
    out.mkdir()
    (out / "mine").write_text("1")
    with pytest.raises(AcnetError, match="raw: holds files that were not extracted here"):
        extract("x", a_dataset("a.zip"), {"archives": {}, "missing": {}}, out)
    assert (out / "mine").exists()


def test_an_extraction_whose_record_snakemake_removed_is_repeated_where_a_link_leads(run, tmp_path):
    (tmp_path / "large/raw").mkdir(parents=True)
    (tmp_path / "place").mkdir()
    (tmp_path / "place/raw").symlink_to(tmp_path / "large/raw")
    run(zip_of(tmp_path / "a.zip", ("a", "1")))
    (tmp_path / "place/raw" / EXTRACTED).unlink()
    assert is_extracted(tmp_path / "place/raw")
    out = run(zip_of(tmp_path / "a.zip", ("b", "1")))
    assert out.is_symlink() and [p.name for p in visible(tmp_path / "large/raw")] == ["b", EXTRACTED]


def test_a_plain_tar_is_unpacked_and_a_plain_file_copied(tmp_path):
    tar = tar_of(tmp_path / "a.tar.gz", (".", {"type": tarfile.DIRTYPE}), ("./b/c", {}), mode="w:gz")
    (tmp_path / "d.json").write_text("{}")
    fetched = {"archives": {p.name: {"path": str(p), "sha256": ""} for p in (tar, tmp_path / "d.json")}, "missing": {}}
    extract("x", a_dataset("a.tar.gz"), fetched, tmp_path / "raw")
    assert (tmp_path / "raw/b/c").read_bytes() == b"x" * 10
    assert (tmp_path / "raw/d.json").read_text() == "{}"
