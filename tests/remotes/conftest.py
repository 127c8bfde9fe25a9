"""A project with a few finished runs; mmsegmentation."""

import importlib.util
import subprocess
import sys

import pytest

from acnet.fetch import download
from tests.conftest import ROOT

from .temporary_project import Project, make_project, train, write_images, write_metrics

# What `pip install mmsegmentation==1.2.2 mmcv-lite==2.1.0 ftfy regex` adds, without a second torch.
PACKAGES = """
mmsegmentation==1.2.2 mmcv-lite==2.1.0 mmengine==0.10.7 opencv-python-headless ftfy regex
addict yapf termcolor prettytable
"""


@pytest.fixture(scope="session")
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


@pytest.fixture
def quick_downloads(monkeypatch):
    """Four tries within moments."""
    for name, value in (("TRIES", 4), ("WAIT", 0.01), ("TIMEOUT", 0.3)):
        monkeypatch.setattr(download, name, value)


@pytest.fixture
def project(tmp_path) -> Project:
    """A project with three finished runs, one measured by two protocols, one by none."""
    made = make_project(tmp_path / "project")
    for run in ("fcn_s16", "acb3", "r101_ohem_trainval"):
        train(made, run)
    for protocol in ("single", "single_flip"):
        write_metrics(made.folder("acb3"), "mini", "acb3", 0, protocol, "cityscapes")
    for run in ("fcn_s16", "acb3"):
        write_images(made.root / "results" / "mini", run, (50, 60, 70))
    write_metrics(made.folder("fcn_s16"), "mini", "fcn_s16", 0, "single", "cityscapes")
    return made
