"""Clean-ups with real Git and DVC: what goes, and what stays."""

import pytest

from acnet.track.cleanup import find_litter

from .temporary_project import add_origin, train, use_remote

ACB3 = "mini-acb3-seed0"


@pytest.fixture
def tidy(project, monkeypatch):
    """A function that cleans the project up as if all in it were old; what it found."""
    monkeypatch.setattr("acnet.track.cleanup._YOUNG", -1)

    def run(*kinds, really=True) -> list[str]:
        roots = {name: project.root / name for name in ("data", "results", "logs")}
        found = list(find_litter(kinds, project.root, **roots))
        for entry in found if really else []:
            entry.remove()
        return [entry.name for entry in found]

    return run


def test_the_cache_loses_only_what_nothing_names(project, tidy, tmp_path):
    add_origin(project)
    use_remote(project, tmp_path / "store")
    project.acnet("publish")
    train(project, "acb3", variant="again")
    project.acnet("record")
    cached = set((project.root / ".dvc/cache/files/md5").glob("??/*"))
    assert tidy("cache") == []  # the tag names the first training, the row the second
    project.git("tag", "-d", "campaign/mini")
    assert tidy("cache", really=False) == tidy("cache") == ["DVC's cache"]
    left = set((project.root / ".dvc/cache/files/md5").glob("??/*"))
    assert 0 < len(left) < len(cached)
    project.dvc("exp", "apply", ACB3)
    assert (project.root / "experiment/checkpoint.pt").read_bytes() == (
        project.folder("acb3") / "checkpoint.pt"
    ).read_bytes()
    assert tidy("cache") == []


def test_young_files_and_a_shared_cache_are_left_alone(project, tidy, monkeypatch, tmp_path):
    project.acnet("record")
    project.dvc("exp", "remove", "--all-commits")
    monkeypatch.setattr("acnet.track.cleanup._YOUNG", 3600)
    assert tidy("cache", really=False) == []
    monkeypatch.setattr("acnet.track.cleanup._YOUNG", -1)
    assert len(tidy("cache", really=False)) == 1
    project.dvc("cache", "dir", "--local", str(tmp_path / "everybodys"))
    project.acnet("record")
    project.dvc("exp", "remove", "--all-commits")
    assert tidy("cache", really=False) == []
