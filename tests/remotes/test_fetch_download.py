"""Downloads from a server that misbehaves: the right file, or one clear line; never a wrong file."""

import hashlib
import io
import zipfile

import numpy as np
import pytest

from acnet.errors import AcnetError
from acnet.fetch.checksums import RECORD, verify
from acnet.fetch.download import Patience, download
from acnet.params.datasets import Archive

from .server import dropping, in_turn, serving, stalling, status, whole

DATA = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
QUICK = Patience(tries=4, wait=0.01, stall=0.3)


@pytest.fixture
def server():
    with serving() as made:
        yield made


@pytest.fixture
def get(server, tmp_path):
    """A function that downloads from paths of the server and checks that only the right file can arrive."""

    def run(*paths, published=True, data=DATA, **more):
        archive = Archive(file="a.bin", sha256=hashlib.sha256(data).hexdigest() if published else None)
        target = tmp_path / "a.bin"
        check = lambda part: verify(part, archive, tmp_path / RECORD)  # noqa: E731
        urls = [server.url(p) for p in paths]
        try:
            return download(urls, target, check, checked=published, **{"patience": QUICK, **more})
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


def test_a_dropped_connection_is_continued_where_it_broke(server, get):
    server.answers["/a"] = dropping(DATA, 131_072)
    get("/a")
    assert ranges(server) == [None, "bytes=131072-", "bytes=262144-"]


def test_a_server_that_drops_every_time_without_progress_is_given_up(server, get):
    server.answers["/a"] = dropping(DATA, 0)
    with pytest.raises(AcnetError, match=r"a\.bin: cannot be downloaded \(.*4 times in a row\); put the file at"):
        get("/a")
    assert len(server.seen) == 4


def test_a_short_file_is_no_file(server, get):
    server.answers["/a"] = whole(DATA[:-1])
    with pytest.raises(AcnetError, match="wrong bytes, the file: its sha256 is"):
        get("/a")


def test_a_stalled_server_is_left_and_continued(server, get):
    server.answers["/a"] = in_turn(stalling(DATA, 65_536, 1.0), whole(DATA))
    get("/a")
    assert len(server.seen) == 2


def test_a_server_that_stalls_for_good_is_given_up(server, get):
    server.answers["/a"] = stalling(DATA, 0, 1.0)
    with pytest.raises(AcnetError, match=r"stalled|no answer"):
        get("/a", patience=Patience(tries=2, wait=0.01, stall=0.1))


def test_wrong_bytes_are_refused(server, get, tmp_path):
    server.answers["/a"] = whole(OTHER)
    with pytest.raises(AcnetError, match="wrong bytes, the file: its sha256 is"):
        get("/a")
    assert not (tmp_path / "a.bin").exists()


def test_wrong_bytes_lead_to_the_next_mirror(server, get):
    server.answers |= {"/bad": whole(OTHER), "/good": whole(DATA)}
    get("/bad", "/good")
    assert server.seen[-1] == ("/good", None)


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_leads_to_the_next_mirror_at_once(code, server, get):
    server.answers |= {"/gone": status(code), "/good": whole(DATA)}
    get("/gone", "/good")
    assert [path for path, _ in server.seen] == ["/gone", "/good"]


def test_every_mirrors_failure_is_named(server, get):
    server.answers |= {"/a": status(404), "/b": status(403)}
    with pytest.raises(AcnetError, match=r"/a: answered 404; .*/b: answered 403 \(an account is needed\?\)\); put the"):
        get("/a", "/b")


def test_a_busy_server_is_asked_again(server, get):
    server.answers["/a"] = in_turn(status(503), status(503, Retry_After="0"), status(429), whole(DATA))
    get("/a")
    assert len(server.seen) == 4


def test_a_server_that_stays_busy_is_given_up(server, get):
    server.answers["/a"] = status(503)
    with pytest.raises(AcnetError, match="answered 503, 4 times in a row"):
        get("/a")


def test_a_server_without_ranges_sends_the_whole_again(server, get):
    server.answers["/a"] = in_turn(dropping(DATA, 100_000), whole(DATA, ranges=False))
    get("/a")
    assert ranges(server) == [None, "bytes=65536-"]


def test_a_server_that_continues_at_the_wrong_place_is_not_believed(server, get):
    def wrong(request):
        request.head(206, 10, Content_Range=f"bytes 5-14/{len(DATA)}")
        request.wfile.write(DATA[5:15])

    server.answers |= {"/a": in_turn(dropping(DATA, 100_000), wrong), "/good": whole(DATA)}
    get("/a", "/good")
    assert server.seen[-1] == ("/good", None)


def test_a_file_that_changed_in_between_is_begun_anew(server, get):
    server.answers["/a"] = in_turn(dropping(OTHER, 100_000, tag='"old"'), whole(DATA, tag='"new"'))
    get("/a")
    assert len(server.seen) == 2


def test_a_spliced_file_is_fetched_once_more_from_its_start(server, get, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(OTHER[:1000])
    (tmp_path / "a.bin.part.json").write_text(f'{{"url": "{server.url("/a")}", "tag": null}}')
    server.answers["/a"] = whole(DATA, tag=None)
    get("/a")
    assert ranges(server) == ["bytes=1000-", None]


def test_a_part_that_was_complete_is_only_verified(server, get, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(DATA)
    (tmp_path / "a.bin.part.json").write_text(f'{{"url": "{server.url("/a")}", "tag": null}}')
    server.answers["/a"] = whole(DATA)
    get("/a")
    assert ranges(server) == [f"bytes={len(DATA)}-"]


def test_without_checksum_or_tag_a_part_is_never_continued(server, get):
    server.answers["/a"] = in_turn(dropping(OTHER, 100_000, tag=None), whole(DATA, tag=None))
    get("/a", published=False)
    assert ranges(server) == [None, None]


def test_the_start_from_another_mirror_is_not_continued(server, get):
    server.answers |= {"/a": in_turn(dropping(OTHER, 100_000), status(404)), "/b": whole(DATA)}
    get("/a", "/b")
    assert server.seen[-1] == ("/b", None)


def test_another_length_than_the_known_one_is_refused_before_it_is_read(server, get):
    server.answers["/a"] = whole(DATA)
    with pytest.raises(AcnetError, match="offers 300000 bytes instead of 299999"):
        get("/a", size=299_999)


def test_a_full_disk_is_named_before_it_is_filled(server, get, monkeypatch):
    import shutil

    server.answers["/a"] = whole(DATA)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**5))
    with pytest.raises(AcnetError, match=r"a\.bin needs 300 kB and 100 MB to spare, 100 kB are free; free some"):
        get("/a")


def test_nobody_listening_is_one_clear_line(server, get):
    address = server.url("/a")
    server.server_close()
    with pytest.raises(AcnetError, match=f"{address}: the connection broke, 4 times in a row"):
        get("/a")


def a_zip(text):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.txt", text)
    return held.getvalue()


def test_a_checksum_nobody_published_is_recorded_and_compared_from_then_on(tmp_path):
    archive, record = Archive(file="a.zip"), tmp_path / RECORD
    path = tmp_path / "a.zip"
    path.write_bytes(a_zip("one"))
    first = verify(path, archive, record)
    assert verify(path, archive, record) == first
    path.write_bytes(a_zip("two"))
    with pytest.raises(
        AcnetError, match=r"a\.zip: its sha256 is .*, at its first use it was .*; if the new file is right"
    ):
        verify(path, archive, record)


def test_an_error_page_never_becomes_the_recorded_file(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"<html>Please log in</html>")
    with pytest.raises(AcnetError, match=r"is no \.zip file \(an error page\?\)"):
        verify(path, Archive(file="a.zip"), tmp_path / RECORD)
    assert not (tmp_path / RECORD).exists()
