"""A folder in which every command has run once, at a scale of seconds."""

import itertools
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_campaign import make, snapshot

from acnet.cli import main


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """Parameters, a mini dataset as downloaded and prepared, and two trained runs."""
    return make(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def here(finished, tmp_path, monkeypatch) -> Path:
    """A copy of the finished folder, as the current one; what a test breaks is its own."""
    folder = Path(shutil.copytree(finished, tmp_path / "here"))
    monkeypatch.chdir(folder)
    for name in ("ACNET_CITYSCAPES", "ACNET_ADE20K", "ACNET_CAMVID"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def acnet(capfd):
    """A function that runs a command and returns its `status` and the lines it wrote to stdout (`said`) and stderr."""

    def run(words: str) -> SimpleNamespace:
        capfd.readouterr()
        try:
            status = main(words.split())
        except SystemExit as stopped:  # argparse's own way out
            status = stopped.code
        said, lines = (text.splitlines() for text in capfd.readouterr())
        return SimpleNamespace(status=status, said=said, lines=lines)

    return run


@pytest.fixture
def refused(acnet, here):
    """A function that runs a command which must refuse: it returns the one line, nothing on disk having changed."""

    def run(words: str) -> str:
        before = snapshot(here)
        done = acnet(words)
        assert done.status == 2, done
        # What was read well before the mistake was met may have been counted.
        counts = list(itertools.takewhile(lambda line: line.startswith(("prepare ", "evaluate ")), done.lines))
        (line,) = done.lines[len(counts) :]
        assert line.startswith("acnet")
        assert snapshot(here) == before
        return line

    return run
