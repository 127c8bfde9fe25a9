"""An image so long that memory would tell if a map of all its scores were made."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from acnet.evaluate.counts import confusion, read_counts
from acnet.model import build_network
from tests.tiny import tiny_run, write_params, write_split

# Not getrusage: a child's peak there begins with that of the process that started it.
SCRIPT = """
import re, sys
from pathlib import Path
from acnet.cli import main
print(main(sys.argv[1:]), re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_an_image_of_20000x300_is_scored_in_little_memory(tmp_path, root):
    settings = {"name": "acb1", "dataset": "mini_cityscapes", "reader": "cityscapes", "classes": 19}
    run = tiny_run(**settings, evaluate_split="val", auxiliary=False)
    write_params(tmp_path / "run", run)
    described = {**run.values()["model"], "classes": 19}
    torch.save(
        {"network": build_network(run.model, 19).state_dict(), "params": described}, tmp_path / "run/checkpoint.pt"
    )
    rng = np.random.default_rng(0)
    label = rng.integers(0, 19, (200, 3)).astype(np.uint8).repeat(100, 0).repeat(100, 1)
    image = rng.integers(0, 256, (*label.shape, 3)).astype(np.uint8)
    write_split(tmp_path / "data/mini_cityscapes", "val", [image], [label])
    words = f"--data-root {tmp_path}/data evaluate --params {tmp_path}/run/params.yaml --protocol single".split()
    command = [sys.executable, "-c", SCRIPT, *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200)
    status, peak = map(int, done.stdout.split())
    assert status == 0, done.stderr
    assert json.loads((tmp_path / "run/metrics/single.json").read_text())["pixels"] == 20_000 * 300
    counts = read_counts(tmp_path / "run/metrics/single.images.npz").confusion()
    assert (counts.sum(axis=1) == confusion(label, label, 19).sum(axis=1)).all()
    # Torch alone takes 0.4 GiB or more, the scores of all pixels would take 0.43.
    assert peak < 1.1 * 2**20, f"{peak / 2**20:.2f} GiB"
