"""Locks that a killed process left behind, and what counts as a repository."""

import ast
import os
import subprocess
import time

import pytest

from acnet.track.repository import Repository, Unavailable


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    return Repository(tmp_path)


@pytest.mark.parametrize("way", ["fetch", "update"])
def test_a_stale_lock_on_a_ref_is_removed(repository, way):
    lock = repository.root / ".git" / "refs" / "exps" / "ab" / "name.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    long_ago = time.time() - 60
    os.utime(lock, (long_ago, long_ago))
    if way == "fetch":
        repository.bring(str(repository.root), "HEAD:refs/exps/ab/name")
    else:
        repository.update("update-ref", "--stdin", feed=f"update refs/exps/ab/name {repository.head}\n".encode())
    assert repository.git("rev-parse", "refs/exps/ab/name") == repository.head
    assert not lock.exists()


def test_a_repository_of_another_owner_is_refused_in_gits_own_words(repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(Unavailable, match=r"dubious ownership.*git config --global --add safe\.directory"):
        Repository(repository.root)


def test_a_folder_without_a_repository_of_its_own_is_unavailable(repository, tmp_path_factory):
    with pytest.raises(Unavailable, match="not a Git repository"):
        Repository(tmp_path_factory.mktemp("bare"))
    inner = repository.root / "inner"
    inner.mkdir()
    with pytest.raises(Unavailable, match="but part of"):
        Repository(inner)


def test_dvc_is_used_by_its_public_names_alone(root):
    for file in (root / "acnet").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for parts in (name.split(".") for name in names):
                assert parts[0] not in ("dvc_data", "dvc_objects", "scmrepo"), file
                assert parts[0] not in ("dvc", "snakemake") or not any(part.startswith("_") for part in parts), file
