"""Hostile and broken archives: each refused by name, nothing of it left."""

import io
import json
import os
import stat
import tarfile
import warnings
import zipfile
from types import SimpleNamespace

import pytest

from acnet.errors import AcnetError
from acnet.fetch.extract import extract
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


def special(name, form):
    member = zipfile.ZipInfo(name)
    member.external_attr = (form | 0o644) << 16
    return member


ABSOLUTE, LEAVES = "has an absolute path", "leaves the folder by"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/evil", ABSOLUTE),
        ("../evil", LEAVES),
        ("a/../../evil", LEAVES),
        ("..\\evil", LEAVES),
        ("C:/evil", ABSOLUTE),
        ("\\\\host\\evil", ABSOLUTE),
    ],
)
def test_a_name_that_lies_elsewhere_is_refused(name, why, run, tmp_path):
    for path in (zip_of(tmp_path / "a.zip", ("good", "1"), (name, "1")), tar_of(tmp_path / "a.tar", (name, {}))):
        with pytest.raises(AcnetError, match=rf"{path.name}: member '.*evil' {why}"):
            run(path)


@pytest.mark.parametrize("form", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(form, run, tmp_path):
    with pytest.raises(AcnetError, match=r"a\.zip: member 'bad' is a link, a device"):
        run(zip_of(tmp_path / "a.zip", (special("bad", form), "/etc/passwd")))


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE"])
def test_links_and_devices_in_a_tar_are_refused(kind, run, tmp_path):
    change = {"type": getattr(tarfile, kind), "linkname": "/etc/passwd"}
    with pytest.raises(AcnetError, match=r"a\.tar: member 'bad' is a link, a device"):
        run(tar_of(tmp_path / "a.tar", ("good", {}), ("bad", change)))


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
    with pytest.raises(AcnetError, match=r"a\.zip: damaged .*liar"):
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
        with pytest.raises(AcnetError, match=rf"{name}: damaged \(.*\); move it away and fetch again"):
            run(tmp_path / name)


def test_a_zip_with_a_compression_that_python_lacks_is_not_called_broken(run, tmp_path):
    path = zip_of(tmp_path / "a.zip", ("a", "1"))
    content = bytearray(path.read_bytes())
    content[8], content[content.index(b"PK\1\2") + 10] = 9, 9  # Deflate64
    path.write_bytes(content)
    with pytest.raises(AcnetError, match=r"a\.zip: member 'a': .* compression .* not supported; pack its files again"):
        run(path)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b")])
def test_two_members_of_one_name_are_refused(names, run, tmp_path):
    for path in (
        zip_of(tmp_path / "a.zip", *((n, "1") for n in names)),
        tar_of(tmp_path / "a.tar", *((n, {}) for n in names)),
    ):
        with pytest.raises(AcnetError, match=rf"{path.name}: member '.*' is (there twice|both a file)"):
            run(path)


def test_an_encrypted_zip_is_refused(run, tmp_path):
    path = zip_of(tmp_path / "a.zip", ("a", "1"))
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(AcnetError, match=r"member 'a': .* is encrypted"):
        run(path)


def test_a_folder_with_hidden_files_only_is_extracted_into(run, tmp_path):
    out = tmp_path / "place/raw"
    out.mkdir(parents=True)
    (out / ".DS_Store").touch()
    run(zip_of(tmp_path / "a.zip", ("a.txt", "x")))
    assert (out / "a.txt").read_text() == "x"


def test_a_disk_too_small_is_named_before_anything_is_written(run, tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**8 + 5))
    with pytest.raises(AcnetError, match=r"unpacking x needs .* free; free some and run the same command again"):
        run(zip_of(tmp_path / "a.zip", ("a", "123456")))


def test_an_interrupted_extraction_is_begun_anew_and_never_read(run, tmp_path):
    left = tmp_path / "place/.raw.part"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    (tmp_path / "place/raw").mkdir()  # as a workflow makes it for its output
    out = run(zip_of(tmp_path / "a.zip", ("folder/", ""), ("folder/a", "1")))
    assert sorted(p.name for p in out.iterdir()) == [EXTRACTED, "folder"]
    assert not left.exists()
    assert json.loads((out / EXTRACTED).read_text())["archives"] == {"a.zip": "0" * 64}


def test_a_folder_of_ones_own_is_not_overwritten(tmp_path):
    out = tmp_path / "raw"
    out.mkdir()
    (out / "mine").write_text("1")
    with pytest.raises(AcnetError, match="raw: holds files that were not extracted here"):
        extract("x", a_dataset("a.zip"), {"archives": {}, "missing": {}}, out)
    assert (out / "mine").exists()


def test_a_plain_tar_is_unpacked_and_a_plain_file_copied(tmp_path):
    tar = tar_of(tmp_path / "a.tar.gz", (".", {"type": tarfile.DIRTYPE}), ("./b/c", {}), mode="w:gz")
    (tmp_path / "d.json").write_text("{}")
    fetched = {"archives": {p.name: {"path": str(p), "sha256": ""} for p in (tar, tmp_path / "d.json")}, "missing": {}}
    extract("x", a_dataset("a.tar.gz"), fetched, tmp_path / "raw")
    assert (tmp_path / "raw/b/c").read_bytes() == b"x" * 10
    assert (tmp_path / "raw/d.json").read_text() == "{}"
