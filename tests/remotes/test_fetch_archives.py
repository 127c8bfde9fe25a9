"""The archives of a dataset: own copies first, then downloads; what stands in for what; the account of Cityscapes."""

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from acnet.errors import AcnetError
from acnet.fetch import account
from acnet.fetch.extract import extract
from acnet.fetch.fetch import fetch
from acnet.params.datasets import EXTRACTED, Archive

from .server import serving, status, whole


def a_zip(**members):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return held.getvalue()


ONE, TWO = a_zip(images__a="first"), a_zip(labels__a="second")


@pytest.fixture
def server(quick_downloads):
    with serving() as made:
        made.answers |= {"/one": whole(ONE), "/two": whole(TWO), "/gone": status(404)}
        yield made


def dataset(*archives):
    return SimpleNamespace(
        title="A set", get="", folders=["data/raw/x"], environment="ACNET_X", archives=list(archives)
    )


def test_all_archives_are_fetched_recorded_and_unpacked_into_one_folder(server, tmp_path):
    asked = dataset(
        Archive(file="one.zip", urls=[server.url("/gone"), server.url("/one")], md5=hashlib.md5(ONE).hexdigest()),
        Archive(file="two.zip", urls=[server.url("/two")]),
    )
    record = fetch("x", asked, tmp_path / "archives")
    assert json.loads((tmp_path / "archives/fetched.json").read_text()) == record
    assert record["archives"]["two.zip"]["sha256"] == hashlib.sha256(TWO).hexdigest()
    extract("x", asked, record, tmp_path / "raw")
    assert (tmp_path / "raw/images/a").read_text() == "first"
    assert (tmp_path / "raw/labels/a").read_text() == "second"
    assert json.loads((tmp_path / "raw" / EXTRACTED).read_text())["archives"]["one.zip"]
    asked_before = len(server.seen)
    assert fetch("x", asked, tmp_path / "archives") == record
    assert len(server.seen) == asked_before


def test_an_own_copy_is_used_in_place_of_a_download(server, tmp_path, monkeypatch):
    (tmp_path / "mine/x").mkdir(parents=True)
    (tmp_path / "mine/x/one.zip").write_bytes(ONE)
    (tmp_path / "two-of-mine.zip").write_bytes(TWO)
    monkeypatch.setenv("ACNET_ARCHIVES", str(tmp_path / "mine"))
    asked = dataset(
        Archive(file="one.zip", urls=[server.url("/one")]),
        Archive(file="two.zip", urls=[server.url("/two")], path=str(tmp_path / "two-of-mine.zip")),
    )
    record = fetch("x", asked, tmp_path / "archives")
    assert server.seen == []
    assert record["archives"]["one.zip"]["path"] == str(tmp_path / "mine/x/one.zip")
    assert record["archives"]["two.zip"]["path"] == str(tmp_path / "two-of-mine.zip")
    wrong = dataset(Archive(file="one.zip", urls=[server.url("/one")], md5="0" * 32))
    with pytest.raises(AcnetError, match=r"x: .*mine/x/one\.zip: its md5 is .* instead of 0+; move it away and"):
        fetch("x", wrong, tmp_path / "other")
    assert (tmp_path / "mine/x/one.zip").read_bytes() == ONE
    monkeypatch.setenv("ACNET_ARCHIVES", str(tmp_path / "nowhere"))
    with pytest.raises(AcnetError, match=r"ACNET_ARCHIVES=.*nowhere: no such folder"):
        fetch("x", asked, tmp_path / "other")


def test_an_own_copy_that_is_named_but_missing_is_not_replaced_silently(server, tmp_path):
    asked = dataset(Archive(file="one.zip", urls=[server.url("/one")], path=str(tmp_path / "gone.zip")))
    with pytest.raises(AcnetError, match=r"gone\.zip: not found, though `path` of one\.zip"):
        fetch("x", asked, tmp_path)
    assert server.seen == []


def test_one_archive_stands_in_for_another(server, tmp_path):
    first = Archive(file="one.zip", urls=[server.url("/gone")])
    second = Archive(file="two.zip", urls=[server.url("/two")], instead_of="one.zip")
    record = fetch("x", dataset(first, second), tmp_path / "a")
    assert list(record["archives"]) == ["two.zip"] and record["missing"] == {}
    good = dataclasses.replace(first, urls=[server.url("/one")])
    assert list(fetch("x", dataset(good, second), tmp_path / "b")["archives"]) == ["one.zip"]
    bad = dataclasses.replace(second, urls=[server.url("/gone")])
    with pytest.raises(AcnetError, match=r"x: one\.zip: cannot .*two\.zip would do as well\); or set ACNET_X to"):
        fetch("x", dataset(first, bad), tmp_path / "c")
    assert not (tmp_path / "c/fetched.json").exists()


def test_what_only_a_submission_needs_may_be_missing(server, tmp_path):
    asked = dataset(
        Archive(file="one.zip", urls=[server.url("/one")]),
        Archive(file="two.zip", urls=[server.url("/gone")], needed=False),
    )
    record = fetch("x", asked, tmp_path)
    assert list(record["archives"]) == ["one.zip"]
    assert "answered 404" in record["missing"]["two.zip"]


def test_without_an_account_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv(account.USER, raising=False)
    with pytest.raises(AcnetError, match=r"needs an account of cityscapes-dataset\.com; set .*, or put the file at"):
        fetch("x", dataset(Archive(file="one.zip", access="login")), tmp_path)


@pytest.fixture
def site(server, monkeypatch):
    """The pages of the Cityscapes site that csDownload uses, for one account."""
    monkeypatch.setattr(account, "SITE", server.url(""))
    monkeypatch.setenv(account.USER, "me@example.org")
    monkeypatch.setenv(account.PASSWORD, "s3cret")
    listed = json.dumps([{"name": "one.zip", "packageID": "7", "size": "1KB"}]).encode()

    def log_in(request):
        form = parse_qs(server.seen[-1][1])
        good = form == {"username": ["me@example.org"], "password": ["s3cret"], "submit": ["Login"]}
        request.head(302 if good else 200, 0, Set_Cookie="session=1")

    def only_with_cookie(answer):
        return lambda request: (
            answer(request) if "session=1" in str(request.headers["Cookie"]) else request.head(403, 0)
        )

    server.answers |= {
        "/login": status(200),
        "POST /login": log_in,
        "/downloads/": only_with_cookie(whole(listed)),
        "/file-handling/": only_with_cookie(whole(ONE)),
    }
    return server


def test_the_account_of_the_environment_fetches_what_needs_a_login(site, tmp_path, capfd):
    asked = dataset(Archive(file="one.zip", access="login", md5=hashlib.md5(ONE).hexdigest()))
    fetch("x", asked, tmp_path)
    assert (tmp_path / "one.zip").read_bytes() == ONE
    assert "s3cret" not in "".join(capfd.readouterr())
    assert not any("s3cret" in path.read_text(errors="replace") for path in tmp_path.iterdir())


def test_a_wrong_account_is_refused_without_showing_it(site, tmp_path, monkeypatch):
    monkeypatch.setenv(account.PASSWORD, "wr0ng")
    with pytest.raises(AcnetError, match=r"CITYSCAPES_PASSWORD: .* refuses this account; correct it") as caught:
        fetch("x", dataset(Archive(file="one.zip", access="login")), tmp_path)
    assert "wr0ng" not in str(caught.value)


def test_a_package_the_account_may_not_have_is_named(site, tmp_path):
    with pytest.raises(AcnetError, match=r"other\.zip: this account of .* may not have it"):
        fetch("x", dataset(Archive(file="other.zip", access="login")), tmp_path)


def test_a_site_that_is_down_shows_no_password(site, tmp_path):
    site.answers["POST /login"] = status(500)
    with pytest.raises(AcnetError, match=r"cannot be asked \(HTTPError\)") as caught:
        fetch("x", dataset(Archive(file="one.zip", access="login")), tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def terminal(site, tmp_path, monkeypatch):
    """A person at a terminal without an account in the environment; returns what may be typed, and the home folder."""
    typed = {"user": "me@example.org", "password": "s3cret"}
    for name in (account.USER, account.PASSWORD):
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    monkeypatch.setattr(account, "_interactive", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: typed["user"])
    monkeypatch.setattr("getpass.getpass", lambda _: typed["password"])
    return typed, home


def test_an_account_typed_at_the_prompt_is_neither_stored_nor_shown(terminal, tmp_path, capsys):
    asked = dataset(Archive(file="one.zip", access="login", md5=hashlib.md5(ONE).hexdigest()))
    fetch("x", asked, tmp_path / "archives")
    assert (tmp_path / "archives/one.zip").read_bytes() == ONE
    said = "".join(capsys.readouterr())
    assert "It is not stored" in said and "s3cret" not in said and "me@example.org" not in said
    assert list(terminal[1].rglob("*")) == []
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cret" not in kept and b"me@example.org" not in kept
    assert not any("s3cret" in value for value in os.environ.values())


def test_a_mistyped_account_is_refused_without_showing_it(terminal, tmp_path, capsys):
    terminal[0]["password"] = "wr0ng"
    with pytest.raises(AcnetError, match=r"your account: .* refuses this account; correct it and run") as caught:
        fetch("x", dataset(Archive(file="one.zip", access="login")), tmp_path / "archives")
    assert "wr0ng" not in str(caught.value) + "".join(capsys.readouterr())
    assert list(terminal[1].rglob("*")) == []
