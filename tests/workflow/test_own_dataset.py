"""The guide's way from two folders of images and labels to a row of a table: three commands."""

import csv
import re
import subprocess
import sys

import numpy as np
from PIL import Image

COMMANDS = re.compile(r"^    (acnet data new .*|snakemake .*)$", re.MULTILINE)


def test_three_commands_lead_from_two_folders_to_table_rows(project, root):
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 2)):
        for kind in ("images", "labels"):
            (project.folder / "mine" / kind / split).mkdir(parents=True)
        for number in range(count):
            label = rng.integers(0, 3, (3, 4), np.uint8).repeat(16, 0).repeat(16, 1)
            image = label[..., None] * np.uint8(90) + rng.integers(0, 30, (48, 64, 3), np.uint8)
            Image.fromarray(image).save(project.folder / f"mine/images/{split}/{number}.jpg")
            Image.fromarray(label).save(project.folder / f"mine/labels/{split}/{number}.png")
    new, train, report = COMMANDS.findall((root / "docs/own-dataset.md").read_text())[:3]
    assert new.startswith("acnet data new mine --images mine/images --labels mine/labels")
    command = [sys.executable, "-m", *new.split()]
    subprocess.run(command, cwd=project.folder, check=True, capture_output=True)
    # A narrow network from scratch, for seconds instead of minutes.
    project.edit("params/scales/mine.yaml", "epochs: 1250", "epochs: 4\n  base_width: 8\n  reduction: 32")
    project.edit("params/scales/mine.yaml", "seeds: [0]", "seeds: [0]\npretrained: false")
    project.edit(
        "params/scales/mine.yaml",
        "tables: [table1, table2, table3]\nfigures: [figure1, figure2, figure3, figure4, figure5]",
        "tables: [table1]\nfigures: []",
    )

    for words in (train, report):
        project.snakemake(*words.split()[1:])
    with open(project.folder / "reports/mine/tables/table1.csv", newline="") as file:
        cells = {(cell["row"], cell["column"]): cell["ours"] for cell in csv.DictReader(file)}
    assert 0 < float(cells["fcn", "os16"]) < 100 and cells["gc", "os16"] == ""
    assert "mine, split val" in (project.folder / "reports/mine/tables/table1.md").read_text()


def test_runs_are_not_measured_on_a_split_that_the_dataset_lacks(project):
    words = ("runs", "--config", "scale=camvid", "runs=gc_s16")
    on_val = "results/camvid/gc_s16/seed0/metrics/single_val.json"
    assert on_val in project.jobs(*words)
    project.edit("params/datasets.yaml", "{train: 367, val: 101, test: 233}", "{train: 367, test: 233}")
    project.edit("params/datasets.yaml", "\n  fine_tune: val", "")
    left = project.jobs(*words)
    assert on_val not in left and on_val.replace("_val", "") in left
