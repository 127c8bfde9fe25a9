"""One Slurm for all tests of a session."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.cluster.slurm import Slurm, missing


@pytest.fixture(scope="session")
def slurm():
    """A running Slurm; skips, saying why, where none can be started."""
    if reason := missing():
        pytest.skip(reason)
    # A short path: Slurm's sockets lie in it, whose names may have a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="acnet-slurm-"))
    slurm = Slurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder, ignore_errors=True)
