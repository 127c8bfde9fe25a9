"""Our measures and mmsegmentation's own, which is no part of the environment: the tests install it beside it."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from tests.areas import equals_areas, random_maps
from tests.conftest import ROOT

# What `pip install mmsegmentation==1.2.2 mmcv-lite==2.1.0 ftfy regex` adds, without a second torch.
PACKAGES = """
mmsegmentation==1.2.2 mmcv-lite==2.1.0 mmengine==0.10.7 opencv-python-headless ftfy regex
addict yapf termcolor prettytable
"""


@pytest.fixture(scope="module")
def mmsegmentation(tmp_path_factory):
    """The module benchmarks/mmsegmentation.py; skips where its packages cannot be had."""
    with pytest.MonkeyPatch.context() as patch:
        if not importlib.util.find_spec("mmseg"):
            folder = tmp_path_factory.mktemp("mmsegmentation")
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
            done = subprocess.run([*command, *PACKAGES.split()], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"mmsegmentation cannot be installed: {done.stderr[-200:]}")
            patch.syspath_prepend(folder)
        spec = importlib.util.spec_from_file_location("mmsegmentation", ROOT / "benchmarks/mmsegmentation.py")
        peer = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(peer)
        yield peer


@pytest.mark.parametrize("classes", [19, 59, 60, 150, 171])
def test_every_measure_equals_mmsegmentations(classes, mmsegmentation):
    from mmseg.evaluation.metrics import IoUMetric

    counted = [mmsegmentation.intersect_and_union(truth, guess, classes) for truth, guess in random_maps(classes)]
    areas = [sum(part).double() for part in zip(*counted, strict=True)]
    ours = equals_areas(classes, *areas)
    theirs = IoUMetric.total_area_to_metrics(*areas, metrics=["mIoU"])
    for key, value in (("aAcc", ours["pixacc"]), ("IoU", ours["miou"]), ("Acc", ours["mean_accuracy"])):
        assert np.nanmean(theirs[key]) == pytest.approx(value, abs=1e-9)
