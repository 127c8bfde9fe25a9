"""`acnet compare` by the command itself, on two trained and measured networks."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acnet.cli import main
from acnet.data.store import Store

RUNS = {name: Path(f"results/mini/{name}/seed0") for name in ("fcn_s16", "acb1")}


@pytest.fixture
def measured(here, acnet):
    """The folder with both networks measured."""
    for folder in RUNS.values():
        assert acnet(f"evaluate --params {folder}/params.yaml --protocol single").status == 0
    return here


def test_out_holds_what_is_printed_and_a_picture_of_each_image_that_changes_most(measured, capfd):
    capfd.readouterr()
    assert main(["compare", "fcn_s16", "acb1", "--images", "2", "--out", "compared/here"]) == 0
    printed, said = capfd.readouterr()
    out, store = measured / "compared/here", Store(measured / "data/mini_cityscapes", "val")
    assert (out / "compare.md").read_text() == printed
    assert said.splitlines()[-1] == "acnet: compared/here: compare.md and pictures (2) written"
    pictures = sorted(path.name for path in out.glob("*.png"))
    shown = [name.partition("_")[2].removesuffix(".png") for name in pictures]
    assert len(list(out.iterdir())) == 3 and [name[:3] for name in pictures] == ["01_", "02_"]
    assert sorted(shown) == sorted(name.replace("/", "_") for name in store.names)
    for name in pictures:
        with Image.open(out / name) as picture:
            assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 20
    # The rows of the images stand in the pictures' order, and the mIoU is that of the metrics.
    lines = printed.splitlines()
    named = [line.split(" | ")[0].removeprefix("| ").replace("/", "_") for line in lines]
    assert [name for name in named if name in shown] == shown
    miou = [json.loads((folder / "metrics/single.json").read_text())["miou"] for folder in RUNS.values()]
    (row,) = (line.split(" | ")[1:3] for line in lines if line.startswith("| mIoU |"))
    assert row == [f"{100 * value:.2f}" for value in miou]


def test_without_a_folder_nothing_is_written(measured, acnet):
    before = sorted(measured.rglob("*"))
    assert acnet("compare fcn_s16 acb1").status == 0
    assert sorted(measured.rglob("*")) == before
