"""What becomes of a test server's score."""

import hashlib
from types import SimpleNamespace

import pytest
import yaml

from acnet.cli import main
from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.report.results import Results
from acnet.submit.score import record_score


@pytest.fixture
def score(root, tmp_path):
    """A function that records a score at scale paper, of zips that are there for the two runs the tables submit."""
    for run in ("r101_ohem_trainval", "ade_r101_acnet_trainval"):
        folder = tmp_path / "paper" / run / "seed0/submission"
        folder.mkdir(parents=True)
        (folder / "test_multi_flip.zip").write_bytes(run.encode())

    def record(run, scores, per_class=None, note=None, scale="paper", seed=0):
        submitted = Campaign(root / "params", scale), tmp_path, run, seed, "multi_flip"
        return record_score(*submitted, scores, per_class or {}, note)

    return record


def test_a_score_is_written_where_the_report_reads_it(score, tmp_path):
    path = score("r101_ohem_trainval", {"miou": 81.2}, {"road": 98.6}, "example.org")
    assert path == tmp_path / "paper/server/table4.yaml"
    read = Results(SimpleNamespace(name="paper"), tmp_path).server("table4")
    assert (read.of("miou", None), read.of("miou", "road"), read.note) == (81.2, 98.6, "example.org")
    ade = score("ade_r101_acnet_trainval", {"final_score": 55.0})
    judged = {"run": "ade_r101_acnet_trainval", "seed": 0, "protocol": "multi_flip"}
    digest = hashlib.sha256(b"ade_r101_acnet_trainval").hexdigest()
    assert yaml.safe_load(ade.read_text()) == {"final_score": 55.0, "submission": {**judged, "sha256": digest}}
    assert ade.name == "table6.yaml"


@pytest.mark.parametrize(
    ("run", "scores", "per_class", "said"),
    [
        ("r101_ohem_trainva", {"miou": 81.0}, {}, "no table submits it; did you mean 'r101_ohem_trainval'"),
        ("r101_ohem_trainval", {"miou": 0.812}, {}, "look like fractions; give percent"),
        ("r101_ohem_trainval", {"miou": 812.0}, {}, "miou: 812.0 is not a percentage"),
        ("r101_ohem_trainval", {"miou": 81.0}, {"raod": 98.0}, "does not show 'raod'; did you mean 'road'"),
        ("r101_ohem_trainval", {"final_score": 55.0}, {}, "table4: does not show 'final_score'"),
        ("r101_ohem_trainval", {}, {}, "no score given; it shows miou"),
    ],
)
def test_a_score_that_cannot_be_is_refused(run, scores, per_class, said, score, tmp_path):
    with pytest.raises(AcnetError, match=said):
        score(run, scores, per_class)
    assert not (tmp_path / "paper/server").exists()


def test_a_score_of_nothing_submitted_is_refused(score, tmp_path):
    with pytest.raises(AcnetError, match=r"seed1/submission/test_multi_flip.zip: not found, so it is not known what"):
        score("r101_ohem_trainval", {"miou": 81.2}, seed=1)
    with pytest.raises(AcnetError, match="predicts generated images at scale 'mini', which no server judges"):
        score("r101_ohem_trainval", {"miou": 81.2}, scale="mini")
    assert not (tmp_path / "paper/server").exists()


def test_the_command_line_writes_a_score(score, root, tmp_path, capsys):
    roots = ["--params-root", str(root / "params"), "--results-root", str(tmp_path)]
    said = ["submit", "score", "--scale", "paper", "--run", "r101_ohem_trainval", "--miou", "81.5"]
    assert main([*roots, *said, "--class", "traffic light=78.1"]) == 0
    assert yaml.safe_load((tmp_path / "paper/server/table4.yaml").read_text())["per_class"] == {"traffic light": 78.1}
    assert main([*roots, *said, "--class", "road"]) == 2
    assert "--class road: expected NAME=PERCENT" in capsys.readouterr().err
