"""Submissions: coding, names, checks, and the official Cityscapes tool's judgement of them."""

import hashlib
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from PIL import Image

from acnet.cli import main
from acnet.data import classes
from acnet.data.generate import generate
from acnet.data.prepare import prepare
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import summary
from acnet.params.campaign import Campaign
from acnet.params.datasets import Dataset, Generate
from acnet.report.results import Results
from acnet.submit.score import Submitted, record_score
from acnet.submit.submit import SERVERS, package
from tests.official_cityscapes import official

pytestmark = pytest.mark.filterwarnings("ignore:`in1d`:DeprecationWarning")  # of the official tool
SPLITS = {"train": 1, "val": 6, "test": 2}


def dataset(reader):
    return Dataset(
        title="x",
        reader=reader,
        classes=19,
        splits=SPLITS,
        train="train",
        evaluate="val",
        folders=[],
        generate=Generate(seed=1, size=[48, 96]),
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """(raw tree, prepared folder) by reader."""
    made = {}
    for reader in ("cityscapes", "ade20k"):
        base = tmp_path_factory.mktemp(reader)
        generate(reader, base / "raw", 1, SPLITS, (48, 96))
        prepare("x", dataset(reader), base / "raw", base / "prepared")
        made[reader] = (base / "raw", base / "prepared")
    return made


def filled(label, choose):
    """A full prediction: ignored pixels take some class too, as a network's would."""
    return np.where(label == 255, choose, label).astype(np.uint8)


@pytest.fixture
def predictions(stores, tmp_path):
    """A function that writes a submission of val from labels changed by `change`, and unpacks its zip."""
    raw, prepared = stores["cityscapes"]
    store, server = Store(prepared, "val"), SERVERS["cityscapes"]

    def write(change):
        total = np.zeros((19, 19), np.int64)
        (tmp_path / "made").mkdir()
        for i, name in enumerate(store.names):
            predicted = change(store.label(i))
            server.write(server.file(tmp_path / "made", name), predicted)
            total += confusion(store.label(i), predicted, 19)
        package(server, tmp_path / "made", store.names, store.sizes, tmp_path / "made.zip")
        with zipfile.ZipFile(tmp_path / "made.zip") as archive:
            archive.extractall(tmp_path / "unpacked")
        return total, tmp_path / "unpacked"

    return raw, write


def test_the_official_tool_gives_the_ground_truth_full_marks(predictions):
    raw, write = predictions
    _, unpacked = write(lambda label: filled(label, 0))
    scores = official(raw, unpacked)
    given = {name: value for name, value in scores.items() if not np.isnan(value)}
    assert len(given) > 8
    assert set(given.values()) == {1.0}


def test_the_official_tool_and_our_metrics_agree_on_perturbed_predictions(predictions):
    raw, write = predictions
    rng = np.random.default_rng(0)

    def perturb(label):
        noise = rng.integers(0, 19, label.shape, np.uint8)
        return np.where(rng.random(label.shape) < 0.3, noise, filled(label, noise)).astype(np.uint8)

    total, unpacked = write(perturb)
    scores = official(raw, unpacked)
    ours = summary(total, classes.load("cityscapes").names, "cityscapes")["class_iou"]
    compared = [(ours[name], value) for name, value in scores.items() if not np.isnan(value)]
    assert len(compared) > 8
    assert max(abs(a - b) for a, b in compared) < 1e-12
    assert 0.1 < np.mean([b for _, b in compared]) < 0.9


def test_ade20k_is_written_as_ids_from_one_under_the_images_own_names(stores, tmp_path):
    store, server = Store(stores["ade20k"][1], "val"), SERVERS["ade20k"]
    label = filled(store.label(0), 149)
    server.write(server.file(tmp_path, store.names[0]), label)
    path = tmp_path / "ADE_val_00000001.png"
    assert (np.array(Image.open(path)) == label + 1).all()


@pytest.fixture
def whole(tmp_path):
    server = SERVERS["ade20k"]
    (tmp_path / "._a.png").write_bytes(b"of macOS")
    for name in "ab":
        server.write(server.file(tmp_path, name), np.zeros((4, 6), np.uint8))
    return lambda: package(server, tmp_path, ["a", "b"], [(4, 6), (4, 6)], tmp_path / "out.zip")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "a.png").unlink(), r"a\.png: prediction is missing"),
        (lambda folder: Image.new("L", (6, 4), 1).save(folder / "c.png"), r"c\.png: belongs to no image"),
        (lambda folder: Image.new("L", (5, 4), 1).save(folder / "b.png"), r"b\.png: is 5x4, its image 6x4"),
        (lambda folder: Image.new("RGB", (6, 4)).save(folder / "b.png"), r"b\.png: has mode RGB"),
        (lambda folder: Image.new("L", (6, 4), 0).save(folder / "b.png"), r"b\.png: holds 0, which is no evaluated id"),
        (lambda folder: Image.new("L", (6, 4), 255).save(folder / "b.png"), r"b\.png: holds 255"),
        (lambda folder: (folder / "b.png").write_bytes(b"PNG"), r"b\.png: cannot be read"),
    ],
)
def test_what_the_server_would_refuse_is_refused_here(damage, said, whole, tmp_path):
    damage(tmp_path)
    with pytest.raises(AcnetError, match=said):
        whole()
    assert not (tmp_path / "out.zip").exists()


def test_equal_predictions_give_an_equal_zip(whole, tmp_path):
    whole()
    first = (tmp_path / "out.zip").read_bytes()
    whole()
    assert (tmp_path / "out.zip").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == ["a.png", "b.png"]


@pytest.fixture
def score(root, tmp_path):
    """A function that records a score at scale paper, of zips that are there for the two runs the tables submit."""
    for run in ("r101_ohem_trainval", "ade_r101_acnet_trainval"):
        made = Submitted(run, 0, "multi_flip")
        folder = tmp_path / "paper" / run / "seed0/submission"
        folder.mkdir(parents=True)
        (folder / "test_multi_flip.zip").write_bytes(run.encode())
        assert made.zip(tmp_path, "paper") == folder / "test_multi_flip.zip"

    def record(run, scores, per_class=None, note=None, scale="paper", seed=0):
        made = Submitted(run, seed, "multi_flip")
        return record_score(Campaign(root / "params", scale), tmp_path, made, scores, per_class or {}, note)

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
        ("r101_ohem_trainval", {"miou": 812.0}, {}, "miou: 812.0 is no percentage"),
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
    with pytest.raises(AcnetError, match=r"seed1/submission/test_multi_flip.zip: is missing, so it is not known what"):
        score("r101_ohem_trainval", {"miou": 81.2}, seed=1)
    with pytest.raises(AcnetError, match="predicts generated images at scale 'mini', which no server judges"):
        score("r101_ohem_trainval", {"miou": 81.2}, scale="mini")
    assert not (tmp_path / "paper/server").exists()


def test_the_command_line_writes_a_score(score, root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["acnet"])
    roots = ["--params-root", str(root / "params"), "--results-root", str(tmp_path)]
    said = ["submit", "score", "--scale", "paper", "--run", "r101_ohem_trainval", "--miou", "81.5"]
    assert main([*roots, *said, "--class", "traffic light=78.1"]) == 0
    assert yaml.safe_load((tmp_path / "paper/server/table4.yaml").read_text())["per_class"] == {"traffic light": 78.1}
    assert main([*roots, *said, "--class", "road"]) == 2
    assert "--class road: expected NAME=PERCENT" in capsys.readouterr().err
