import json
import tracemalloc

import pytest

from acnet.data import json_stream
from acnet.errors import AcnetError


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_every_element_is_found_with_its_place_whatever_the_chunks(chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    content = {"info": {"by": "Zoë"}, "a": [{"é": [1, 2]}, 12, 345, "x]", []], "empty": [], "n": 17, "b": [None, 1.5e3]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    data, found = path.read_bytes(), {"a": [], "b": []}
    for key, first, count, _ in json_stream.elements(path):
        found[key].append(json.loads(data[first : first + count]))
    assert found == {"a": content["a"], "b": content["b"]}


@pytest.mark.parametrize("text", ["", "[1]", '{"a": [1, 2', '{"a": [1 2]}', '{"a": nonsense}', '{"a" 1}'])
def test_what_is_no_json_object_is_refused(text, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(AcnetError, match=r"a\.json: not valid JSON near byte"):
        list(json_stream.elements(path))


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.json"
    element = json.dumps({"counts": "x" * 1000})
    with open(path, "w") as handle:
        handle.write('{"a": [' + ",".join([element] * 30_000) + "]}")
    tracemalloc.start()
    assert sum(1 for _ in json_stream.elements(path)) == 30_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 30_000_000 > 12_000_000 > peak
