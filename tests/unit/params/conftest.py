"""A copy of params/ to break, and the campaigns of the project's own."""

import shutil
from pathlib import Path

import pytest

from acnet.params.campaign import Campaign


@pytest.fixture
def params(root, tmp_path) -> Path:
    """A copy of params/ that a test may edit."""
    return Path(shutil.copytree(root / "params", tmp_path / "params"))


@pytest.fixture
def edit(params):
    """A function that replaces the first `old` by `new` in a file of the copy; `old` must be there."""

    def replace(file: str, old: str, new: str) -> Path:
        text = (params / file).read_text()
        assert old in text, f"{file} no longer holds {old!r}"
        (params / file).write_text(text.replace(old, new, 1))
        return params / file

    return replace


@pytest.fixture(scope="session")
def paper() -> Campaign:
    """The project's params/ at scale paper."""
    return Campaign(Path(__file__).resolve().parents[3] / "params", "paper")
