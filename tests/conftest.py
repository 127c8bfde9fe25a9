"""What several tests share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture
def shared():
    """A function from a name to the folder of real samples beside the project; skips where it is missing."""

    def find(name: str) -> Path:
        folder = ROOT.parent / "shared" / name
        if not folder.exists():
            pytest.skip(f"real samples are not at hand: {folder}")
        return folder

    return find
