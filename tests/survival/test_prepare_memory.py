"""Preparation's memory, summed over its processes, stays below a gigabyte."""

import itertools
import os
import shutil
import subprocess
import sys
import time

import psutil
import pytest
from PIL import Image

from acnet.data.generate import generate

_PREPARE = """
import sys
from pathlib import Path
from types import SimpleNamespace
from acnet.data.prepare import prepare
REST = {"generate": None, "classes": 150, "class_colours": None}
if __name__ == "__main__":
    reader, source, out, images, processes = sys.argv[1:]
    dataset = SimpleNamespace(title="x", reader=reader, splits={"train": int(images)}, **REST)
    prepare("x", dataset, Path(source), Path(out), int(processes))
"""
MB = 10**6


@pytest.fixture
def peak(tmp_path):
    """A function that prepares and returns the largest sum of the processes' resident memory, in MB."""
    (tmp_path / "run.py").write_text(_PREPARE)

    def measure(reader, source, images, processes):
        out, largest = tmp_path / f"out{images}", 0
        command = [sys.executable, str(tmp_path / "run.py"), reader, str(source), str(out), str(images), str(processes)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as started:
            process = psutil.Process(started.pid)
            while started.poll() is None:
                total = 0
                for one in itertools.chain([process], process.children(recursive=True)):
                    try:
                        total += one.memory_info().rss
                    except psutil.Error:
                        continue  # it has just ended
                largest = max(largest, total)
                time.sleep(0.02)
        assert started.returncode == 0
        shutil.rmtree(out)
        return largest / MB

    return measure


def test_many_large_images_and_processes_stay_below_a_gigabyte(peak, tmp_path):
    generate("cityscapes", tmp_path / "raw", 1, {"train": 1, "val": 1, "test": 1}, (64, 128))
    for kind, ending, mode in (("leftImg8bit", "leftImg8bit", "RGB"), ("gtFine", "gtFine_labelIds", "L")):
        (first,) = (tmp_path / "raw" / kind / "train").glob(f"*/*_{ending}.png")
        Image.new(mode, (2048, 1024), 7).save(first)
        for number in range(1, 60):
            os.link(first, first.with_name(f"aachen_{number:06d}_000999_{ending}.png"))
    assert peak("cityscapes", tmp_path / "raw", 60, 99) < 1000  # ninety-nine are asked for, twelve come
