"""What several tests share."""

import shutil
import subprocess
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


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a file system of so many KiB; skips where that is not allowed."""
    mounted = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small file system is not allowed here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def pytest_collection_modifyitems(items):
    """`pytest -m samples` runs the tests that need the real samples."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("samples")
