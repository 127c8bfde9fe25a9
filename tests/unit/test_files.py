"""Files are whole or absent, and keep the order of what they hold."""

import errno
import fcntl
import os
import threading

import pytest

from acnet.errors import AcnetError
from acnet.files import held, read_json, replacing, visible_below, write_json


def test_json_keeps_the_order_of_its_keys(tmp_path):
    write_json(tmp_path / "a.json", {"road": 1, "building": 2})
    assert list(read_json(tmp_path / "a.json")) == ["road", "building"]


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("former")
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_no_file_takes_the_place_of_a_folder(tmp_path):
    with pytest.raises(AcnetError, match="is a folder; name a file"), replacing(tmp_path):
        pass


def test_a_folder_linked_twice_is_searched_twice_and_a_link_to_one_around_it_is_not(tmp_path):
    for folder in ("all/a", "all/b"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "all/a/x.png").touch()
    for link, target in (
        ("all/self", "."),
        ("all/a/up", ".."),
        ("all/b/top", "../.."),
        ("all/b/a", "../a"),
        ("all/again", "b"),
    ):
        (tmp_path / link).symlink_to(target)
    found = sorted(str(path.relative_to(tmp_path / "all")) for path in visible_below(tmp_path / "all"))
    assert found == ["a/x.png", "again/a/x.png", "b/a/x.png"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refused(path):
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)  # root may read everything
    with pytest.raises(AcnetError, match=r"closed: the folder cannot be read \(Permission denied\)"):
        list(visible_below(tmp_path))


def test_who_waits_for_a_lock_says_so_and_then_has_it(tmp_path, capsys):
    entered = []

    def wait():
        with held(tmp_path / "lock", "somebody is at work", wait=True):
            entered.append(True)

    with held(tmp_path / "lock", "refused"):
        with pytest.raises(AcnetError, match="refused"), held(tmp_path / "lock", "refused"):
            pass
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.05)
        assert not entered
    waiting.join(5)
    assert entered and capsys.readouterr().err == "acnet: somebody is at work\n"


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_holds_nobody_back_and_says_so_once(number, tmp_path, capsys, monkeypatch):
    def flock(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", flock)
    entered = []
    for wait in (False, True):
        for name in ("a", "b"):
            with held(tmp_path / name, "somebody is at work", wait=wait):
                entered.append(name)
    assert entered == ["a", "b"] * 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"acnet: {tmp_path}: its file system cannot lock files (")
    assert line.endswith("run one such command there at a time")
