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
            pytest.skip(f"needs real samples, which are not distributed: {folder}")
        return folder

    return find


def pytest_collection_modifyitems(items):
    """`pytest -m samples` runs the tests that need the real samples."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("samples")
