"""The proof that a change of code changes no result."""

import shutil

import pytest
import same_results

from acnet.provenance import source_hash


@pytest.fixture
def results(monkeypatch, tmp_path):
    """A function from a project's folder to what it computes: of one network, one protocol and 5 steps."""
    monkeypatch.setattr(same_results, "RUNS", ("acb1",))
    monkeypatch.setattr(same_results, "STEPS", {"batch": 9, "epochs": 1})
    monkeypatch.setattr(same_results, "_EVALUATE", ["--protocol", "single"])
    monkeypatch.setattr(same_results, "PROTOCOLS", ("single",))
    return lambda code: same_results.results(code, tmp_path / f"of_{code.name}")


def test_a_slip_in_the_schedule_changes_source_hash_and_weights(results, root, tmp_path):
    slip = tmp_path / "slip"
    shutil.copytree(root / "params", slip / "params")
    shutil.copytree(root / "acnet", slip / "acnet", ignore=shutil.ignore_patterns("__pycache__"))
    optimizer = slip / "acnet/train/optimizer.py"
    optimizer.write_text(optimizer.read_text().replace("(1 - step / steps) ** power", "(1 - step / steps)"))
    before, then = results(root)
    after, now = results(slip)
    assert before == source_hash() != after
    assert now["acb1: weights"] != then["acb1: weights"]
