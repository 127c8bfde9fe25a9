"""Files are whole or absent, and keep the order of what they hold."""

import pytest

from acnet.files import read_json, replacing, write_json


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
