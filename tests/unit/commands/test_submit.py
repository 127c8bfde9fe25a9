"""Submissions by the command itself: what the zip holds, and what is refused before anything is predicted."""

import contextlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acnet.cli import main
from acnet.data import classes
from acnet.data.store import Store
from tests.official_cityscapes import official


def unpacked(run: str, out: Path, split: str = "val") -> Path:
    """Where the zip of a run was unpacked."""
    with zipfile.ZipFile(f"results/mini/{run}/seed0/submission/{split}_single.zip") as archive:
        archive.extractall(out)
    return out


@pytest.fixture(scope="module")
def finished(finished, tmp_path_factory) -> Path:
    """The finished folder, with a run on ADE20K's mini set trained too."""
    folder = Path(shutil.copytree(finished, tmp_path_factory.mktemp("finished") / "ade"))
    with contextlib.chdir(folder):
        for words in ("data generate mini_ade20k", "data prepare mini_ade20k", "resolve --run ade_fcn"):
            assert main(words.split()) == 0
        assert main(["train", "--params", "results/mini/ade_fcn/seed0/params.yaml"]) == 0
    return folder


@pytest.fixture
def incomplete(here, acnet):
    """A function that makes a prepared mini set one as downloaded, with one test image of so many."""

    def make(dataset: str, of: int) -> None:
        file = here / "params/datasets.yaml"
        head, found, tail = file.read_text().partition(f"\n{dataset}:")
        tail = tail.replace("test: 1", f"test: {of}", 1)
        before, _, after = tail.partition("\n  generate:")
        file.write_text(head + found + before + "\n" + after.partition("\n")[2])
        assert acnet(f"data prepare {dataset}").status == 0

    return make


@pytest.mark.filterwarnings("ignore:`in1d`:DeprecationWarning")  # of the official tool
def test_the_official_tool_reads_the_zip_of_a_trained_run_and_finds_the_figures_of_its_metrics(here, acnet, tmp_path):
    assert acnet("evaluate --params results/mini/fcn_s16/seed0/params.yaml --protocol single").status == 0
    assert acnet("submit cityscapes --run fcn_s16 --split val --protocol single").status == 0
    metrics = json.loads((here / "results/mini/fcn_s16/seed0/metrics/single.json").read_text())
    scores = official(here / "data/raw/mini_cityscapes", unpacked("fcn_s16", tmp_path / "zip"))
    given = {name: score for name, score in scores.items() if not np.isnan(score)}
    assert given == pytest.approx({name: metrics["class_iou"][name] for name in given}, abs=1e-12)
    assert np.mean(list(given.values())) == pytest.approx(metrics["miou"], abs=1e-12)
    assert {name for name, iou in metrics["class_iou"].items() if iou is not None} == given.keys()
    assert metrics["miou"] > 0


def test_the_zip_for_ade20k_has_the_images_names_and_sizes_and_ids_whose_share_is_the_pixel_accuracy(
    here, acnet, tmp_path
):
    assert acnet("evaluate --params results/mini/ade_fcn/seed0/params.yaml --protocol single").status == 0
    assert acnet("submit ade20k --run ade_fcn --split val --protocol single").status == 0
    folder, store = unpacked("ade_fcn", tmp_path / "zip"), Store(here / "data/mini_ade20k", "val")
    images = sorted((here / "data/raw/mini_ade20k/ADEChallengeData2016/images/validation").glob("*.jpg"))
    assert [file.stem for file in sorted(folder.iterdir())] == [file.stem for file in images] == store.names
    right = counted = 0
    for i, image in enumerate(images):
        with Image.open(folder / f"{image.stem}.png") as made, Image.open(image) as photograph:
            assert made.mode == "L" and made.size == photograph.size
            ids = np.array(made)
        assert ids.min() >= 1 and ids.max() <= 150
        label = store.label(i)
        right += int((ids == label + 1)[label != classes.IGNORE].sum())
        counted += int((label != classes.IGNORE).sum())
    metrics = json.loads((here / "results/mini/ade_fcn/seed0/metrics/single.json").read_text())
    assert right / counted == pytest.approx(metrics["pixacc"], abs=1e-12) and right


def test_a_submission_of_generated_images_is_nothing_to_upload(here, acnet):
    done = acnet("submit ade20k --run ade_fcn --split val --protocol single")
    told = "val_single.zip: of generated images; do not upload it"
    assert done.said[-1].endswith(told)


def test_a_submission_of_another_split_than_test_is_nothing_to_upload(here, acnet, incomplete):
    incomplete("mini_cityscapes", 1)
    done = acnet("submit cityscapes --run fcn_s16 --split val --protocol single")
    told = "of split val, which the server does not score; do not upload it"
    assert done.status == 0 and done.said[-1].endswith(f"val_single.zip: {told}")


def test_a_run_of_another_dataset_is_not_submitted(refused):
    assert "run 'acb3': not trained here" in refused("submit cityscapes --run acb3")
    assert "fcn_s16': is trained on mini_cityscapes, not for the server of ade20k" in refused(
        "submit ade20k --run fcn_s16"
    )


def test_cityscapes_with_test_images_missing_is_refused_before_anything_is_predicted(incomplete, refused):
    incomplete("mini_cityscapes", 1525)
    assert refused("submit cityscapes --run fcn_s16 --protocol single") == (
        "acnet: data/mini_cityscapes/manifest.json: images of split 'test': 1 instead of 1525; `acnet data check "
        "mini_cityscapes` counts the copy; complete it, `acnet data prepare mini_cityscapes`, and submit again"
    )


def test_another_number_of_ade20ks_test_images_is_a_warning(here, acnet, incomplete, tmp_path):
    incomplete("mini_ade20k", 3352)
    done = acnet("submit ade20k --run ade_fcn --protocol single")
    assert done.status == 0
    score = "then `acnet submit score --run ade_fcn --scale mini --seed 0 --protocol single --final-score PERCENT`"
    assert done.said[-1].endswith(score)
    (line,) = (line for line in done.lines if line.startswith("acnet"))
    assert "images of split 'test': 1 instead of 3352; " in line and "sources disagree on the number" in line
    assert len(list(unpacked("ade_fcn", tmp_path / "zip", "test").iterdir())) == 1
