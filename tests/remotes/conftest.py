"""A project with a few finished runs."""

import pytest

from acnet.fetch import download

from .temporary_project import Project, make_project, train, write_images, write_metrics


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
