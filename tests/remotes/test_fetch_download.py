"""Downloads from a server that misbehaves: the right file, or one clear line; never a wrong file."""

import hashlib

import numpy as np
import pytest

from acnet.errors import AcnetError
from acnet.fetch.download import download
from acnet.fetch.fetch import verify
from acnet.params.datasets import Archive

from .server import dropping, in_turn, serving, stalling, status, whole

DATA = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)


@pytest.fixture
def server(quick_downloads):
    with serving() as made:
        yield made


@pytest.fixture
def get(server, tmp_path):
    """A function that downloads from paths of the server and checks that only the right file can arrive."""

    def run(*paths, published=True, data=DATA):
        archive = Archive(file="a.bin", sha256=hashlib.sha256(data).hexdigest() if published else None)
        target = tmp_path / "a.bin"
        check = lambda part: verify(part, archive)  # noqa: E731
        urls = [server.url(p) for p in paths]
        try:
            return download(urls, target, check, checked=published)
        finally:
            assert not target.exists() or target.read_bytes() == data
            assert not (tmp_path / "a.bin.part").exists() or not target.exists()

    return run


def ranges(server):
    return [asked for _, asked in server.seen]


def test_a_file_arrives_whole_and_nothing_else_is_left(server, get, tmp_path):
    server.answers["/a"] = whole(DATA)
    assert get("/a") == {"sha256": hashlib.sha256(DATA).hexdigest(), "bytes": len(DATA)}
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def wrong_place(request):
    request.head(206, 10, Content_Range=f"bytes 5-14/{len(DATA)}")
    request.wfile.write(DATA[5:15])


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ({"/a": dropping(DATA, 131_072)}, [("/a", None), ("/a", "bytes=131072-"), ("/a", "bytes=262144-")]),
        ({"/a": in_turn(stalling(DATA, 65_536, 1.0), whole(DATA))}, [("/a", None), ("/a", "bytes=65536-")]),
        ({"/a": in_turn(status(503), status(503), status(429), whole(DATA))}, 4 * [("/a", None)]),
        # without ranges the whole is sent again
        (
            {"/a": in_turn(dropping(DATA, 100_000), whole(DATA, ranges=False))},
            [("/a", None), ("/a", "bytes=65536-")],
        ),
        # a file that has changed in between
        (
            {"/a": in_turn(dropping(OTHER, 100_000), whole(DATA), whole(DATA))},
            [("/a", None), ("/a", "bytes=65536-"), ("/a", None)],
        ),
        (
            {"/a": in_turn(dropping(DATA, 100_000), wrong_place, whole(DATA))},
            [("/a", None), ("/a", "bytes=65536-"), ("/a", None)],
        ),
        # the beginning of another file at another address is found out by the checksum
        (
            {"/a": in_turn(dropping(OTHER, 100_000), status(404)), "/b": whole(DATA)},
            [("/a", None), ("/a", "bytes=65536-"), ("/b", "bytes=65536-"), ("/b", None)],
        ),
        ({"/a": whole(OTHER), "/b": whole(DATA)}, [("/a", None), ("/b", None)]),
        *(({"/a": status(code), "/b": whole(DATA)}, [("/a", None), ("/b", None)]) for code in (401, 403, 404, 410)),
    ],
)
def test_the_right_file_arrives_in_spite_of_the_server(answers, requests, server, get):
    server.answers |= answers
    get(*answers)
    assert server.seen == requests


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (dropping(DATA, 0), r"a\.bin: cannot be downloaded \(.*4 times in a row\); put the file at"),
        (whole(DATA[:-1]), "wrong bytes, the file: its sha256 is"),
        (whole(OTHER), "wrong bytes, the file: its sha256 is"),
        (stalling(DATA, 0, 1.0), "no answer in time"),
        (status(503), "answered 503, 4 times in a row"),
    ],
)
def test_a_server_without_the_right_file_is_given_up(answer, said, server, get, tmp_path):
    server.answers["/a"] = answer
    with pytest.raises(AcnetError, match=said):
        get("/a")
    assert not (tmp_path / "a.bin").exists()


def test_the_failure_of_every_address_is_named(server, get):
    server.answers |= {"/a": status(404), "/b": status(403)}
    with pytest.raises(AcnetError, match=r"/a: answered 404; .*/b: answered 403 \(an account is needed\?\)\); put the"):
        get("/a", "/b")


@pytest.mark.parametrize(("part", "requests"), [(DATA, [f"bytes={len(DATA)}-"]), (OTHER[:1000], ["bytes=1000-", None])])
def test_the_part_of_an_earlier_command_is_resumed_and_verified(part, requests, server, get, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(part)
    server.answers["/a"] = whole(DATA)
    get("/a")
    assert ranges(server) == requests


def test_without_checksum_a_part_is_never_resumed(server, get):
    server.answers["/a"] = in_turn(dropping(OTHER, 100_000), whole(DATA))
    get("/a", published=False)
    assert ranges(server) == [None, None]


def test_a_full_disk_is_named_before_it_is_filled(server, get, monkeypatch):
    import shutil

    server.answers["/a"] = whole(DATA)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**5))
    with pytest.raises(AcnetError, match=r"a\.bin needs 300.0 kB and 100.0 MB to spare, 100.0 kB are free; free some"):
        get("/a")


def test_nobody_listening_is_one_clear_line(server, get):
    address = server.url("/a")
    server.server_close()
    with pytest.raises(AcnetError, match=f"{address}: the connection broke, 4 times in a row"):
        get("/a")


def test_an_error_page_is_not_taken_for_an_archive_without_checksum(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"<html>Please log in</html>")
    with pytest.raises(AcnetError, match=r"cannot be opened as \.zip \(an error page\?\)"):
        verify(path, Archive(file="a.zip"))
