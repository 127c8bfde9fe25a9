"""A protocol that names its split: another split is scored with the same network."""

import json
from pathlib import Path

import numpy as np
import pytest

RUN = "results/mini/acb1/seed0"


@pytest.fixture
def scored_on(here):
    """A function that lets `single` score another split."""
    scale = Path("params/scales/mini.yaml")

    def change(split: str) -> None:
        text = scale.read_text()
        assert "  single: {base_size" in text
        scale.write_text(text.replace("  single: {base_size", f"  single: {{split: {split}, base_size"))

    return change


def test_metrics_gates_and_examples_are_those_of_the_protocols_split(scored_on, acnet):
    checkpoint, params = (Path(RUN, name).read_bytes() for name in ("checkpoint.pt", "params.yaml"))
    evaluate = f"evaluate --params {RUN}/params.yaml --protocol single --protocol multi_flip --gates"
    assert acnet(evaluate).status == 0
    own = json.loads(Path(RUN, "metrics/single.json").read_text())
    assert (own["split"], own["images"]) == ("val", 2) and "split" not in own["protocol"]
    scored_on("train")
    assert acnet(evaluate).status == 0
    assert acnet(f"examples --params {RUN}/params.yaml --protocol single --count 9").status == 0
    single, multi = (json.loads(Path(RUN, f"metrics/{name}.json").read_text()) for name in ("single", "multi_flip"))
    assert (single["split"], single["images"], single["protocol"]["split"]) == ("train", 4, "train")
    assert (multi["split"], multi["images"]) == ("val", 2)
    assert single["protocol_hash"] != own["protocol_hash"]
    assert json.loads(Path(RUN, "gates.json").read_text())["split"] == "train"
    assert len(np.load(Path(RUN, "examples.npz"))["names"]) == 4
    assert (checkpoint, params) == tuple(Path(RUN, name).read_bytes() for name in ("checkpoint.pt", "params.yaml"))
    assert acnet("resolve --run acb1").status == 0 and Path(RUN, "params.yaml").read_bytes() == params


def test_the_table_names_the_split(scored_on, acnet):
    table, ours = Path("reports/mini/tables/table2.md"), "street scenes in Cityscapes' layout, split"
    assert acnet("report table table2").status == 0 and f"{ours} val." in table.read_text()
    scored_on("train")
    assert acnet("report table table2").status == 0 and f"{ours} train; " in table.read_text()  # and val, beside


def test_a_split_that_there_is_not_is_refused(scored_on, refused):
    scored_on("vall")
    line = refused(f"evaluate --params {RUN}/params.yaml --protocol single")
    assert "split 'vall' is not prepared; prepared: train, val, test" in line
