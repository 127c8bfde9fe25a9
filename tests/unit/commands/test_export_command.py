"""`acnet export` by the command itself, and the lines of docs/evaluation.md that use what it writes."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image


def test_the_file_is_named_by_the_run_and_what_was_checked_is_said(here, acnet):
    done = acnet("export acb1 --format pt2 --size 32x64")
    assert done.status == 0 and (here / "mini_acb1_seed0.pt2").exists()
    said = r"mini_acb1_seed0.pt2: written; largest differences from the checkpoint: logits \d.\de[-+]\d+, gate1 \S+"
    assert re.fullmatch(said, done.said[0])


def test_the_suffix_of_the_file_says_its_format(here, acnet):
    for words, pt2 in (("--out a.pt2", True), ("--out b.pt2 --format safetensors", False)):
        assert acnet(f"export acb1 --size 32x64 {words}").status == 0
        assert zipfile.is_zipfile(here / words.split()[1]) == pt2


@pytest.mark.parametrize("size", ["64", "0x64"])
def test_a_size_is_rows_and_columns(refused, size):
    said = f"argument --size: '{size}' is not a size; write 256x512 for 256 rows of 512 pixels"
    assert said in refused(f"export acb1 --size {size}")


def test_the_documented_lines_load_and_run_a_network(here, acnet, root):
    pytest.importorskip("onnxruntime", reason="pip install '.[export]'")
    noise = np.random.default_rng(0).integers(0, 255, (40, 72, 3), np.uint8)
    Image.fromarray(noise).save(here / "photo.jpg", quality=100)
    assert acnet("export acb1").status == 0
    section = (root / "docs/evaluation.md").read_text().split("## Use a network elsewhere")[1]
    loading, running = (
        block.replace("acb3", "acb1") for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    )
    assert len(list(filter(None, loading.splitlines()))) == 5
    names = {}
    exec(loading + running, names)
    assert names["labels"].shape == (1, 40, 72)
    np.testing.assert_array_equal(names["labels"].numpy(), names["logits"].argmax(1))
    assert [gate.shape[1] for gate in names["gates"]] == [1]
