"""Networks learn, by IoU on the images they were trained on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from acnet.data.classes import IGNORE
from acnet.data.generate import generate
from acnet.data.prepare import prepare
from acnet.data.store import Store
from acnet.evaluate.evaluate import evaluate_run
from acnet.params.campaign import Campaign
from acnet.params.measures import load_measures
from acnet.params.run import write_run
from acnet.train.train import train_run

ROOT = Path(__file__).resolve().parents[2]
DATASET = "mini_cityscapes"
# Nothing that only guards against learning by heart; hard pixels first, since the thin objects are few.
SCALE = {
    "title": "Learning",
    "banner": "A few images, learned by heart.",
    "tables": [],
    "figures": [],
    "comparable": False,
    "pretrained": False,
    "stands_in": {"cityscapes": DATASET},
    "roles": {"r50": {"backbone": "resnet18"}},
    "protocols": {"single": {"base_size": "train", "window": "whole"}},
    "common": {
        "flip": 0.0,
        "weight_decay": 0.0,
        "dropout": 0.0,
        "ohem": True,
        "ohem_keep": 0.02,
        "batch": 8,
        "base_width": 16,
        "reduction": 64,
        "local_channels": 16,
        "block_channels": [56, 32],
        "crop": [64, 64],
        "epochs": 200,
        "learning_rate": 0.1,
        "new_layers_factor": 1.0,
    },
}


@pytest.fixture(scope="module")
def learning(tmp_path_factory) -> Campaign:
    """A scale that trains and evaluates on eight generated street scenes, which are prepared."""
    folder = tmp_path_factory.mktemp("learning")
    params = Path(shutil.copytree(ROOT / "params", folder / "params"))
    datasets = yaml.safe_load((params / "datasets.yaml").read_text())
    datasets[DATASET] |= {"splits": {"train": 8}, "evaluate": "train"}
    datasets[DATASET]["generate"]["size"] = [64, 64]
    (params / "datasets.yaml").write_text(yaml.safe_dump(datasets))
    (params / "scales/learning.yaml").write_text(yaml.safe_dump(SCALE))
    campaign = Campaign(params, "learning")
    facts = campaign.datasets[DATASET]
    generate(facts.reader, folder / "raw", facts.generate.seed, facts.splits, tuple(facts.generate.size))
    prepare(DATASET, facts, folder / "raw", folder / "data" / DATASET)
    return campaign


def learn(campaign: Campaign, folder: Path, run: str) -> dict:
    """Train and evaluate one run below `folder`; its metrics."""
    resolved = campaign.resolve(run, 0)
    out = folder / run / "seed0"
    write_run(resolved, campaign.origins(run), out / "params.yaml")
    data = campaign.params.parent / "data"
    train_run(resolved, out, data)
    protocols, measures = [campaign.protocol("single", run)], load_measures(campaign.params)
    evaluate_run(resolved, out / "checkpoint.pt", protocols, measures, data, out / "metrics")
    return json.loads((out / "metrics/single.json").read_text())


def constant(data: Path) -> float:
    """The mIoU of the best predictor that says the same class everywhere."""
    store = Store(data, "train")
    pixels = sum(np.bincount(store.label(i).ravel(), minlength=256)[:IGNORE] for i in range(len(store)))
    return pixels.max() / pixels.sum() / np.count_nonzero(pixels)


def test_networks_learn_generated_scenes_and_acnet_draws_what_the_fcn_cannot(learning, tmp_path):
    fcn, acnet = learn(learning, tmp_path, "fcn_s16"), learn(learning, tmp_path, "acb3")
    # Measured: 0.52 and 0.68. The FCN sees 1/16 of the resolution, so that it misses the thin half of the classes.
    assert fcn["images"] == 8 and fcn["classes_counted"] == 12
    assert fcn["miou"] > 0.45
    assert acnet["miou"] > 0.60
    assert acnet["miou"] > fcn["miou"] + 0.05
    assert constant(learning.params.parent / "data" / DATASET) < 0.03
