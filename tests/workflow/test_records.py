"""A study of several seeds that continues where its records, but no checkpoints, are at hand."""

import json

import pytest

from acnet.params.campaign import Campaign
from acnet.params.run import write_run

RUN = "results/mini/{}/seed{}"


@pytest.fixture
def restored(project):
    """A project where gc_s16 has two more seeds, and seeds 0 of two runs came from records."""
    project.edit("params/scales/mini.yaml", "seeds: [0]", "seeds: [0]\nmore_seeds: {gc_s16: [1, 2]}")
    settings = Campaign(project.folder / "params", "mini")
    for name in ("fcn_s16", "gc_s16"):
        folder = project.folder / RUN.format(name, 0)
        (folder / "metrics").mkdir(parents=True)
        run = settings.resolve(name, 0)
        write_run(run, settings.origins(name), folder / "params.yaml")
        (folder / "provenance.json").write_text(json.dumps({"seconds": 1, "params_hash": run.digest()}))
        (folder / "restored").touch()
    return project


def trained(jobs):
    return sorted(output.removesuffix("/checkpoint.pt") for output in jobs if output.endswith("/checkpoint.pt"))


def test_other_seeds_and_runs_are_trained_beside_restored_ones(restored):
    named = ["runs", "--config", "runs=fcn_s16,gc_s16,fcn_s8"]
    more = [RUN.format("fcn_s8", 0), RUN.format("gc_s16", 1), RUN.format("gc_s16", 2)]
    assert trained(restored.jobs(*named)) == more
    assert trained(restored.jobs(*named, "seeds=0")) == more[:1]
    assert trained(restored.jobs(*named, "seeds=1,2")) == more[1:]
    assert restored.planned("table1")["train"] == 8 + 2
    refused = restored.snakemake(*named, "seeds=3", check=False).stdout
    assert "--config seeds: unknown name '3'; known: 0, 1, 2" in refused


def test_a_restored_run_is_trained_where_its_checkpoint_or_other_parameters_are_asked_for(restored):
    file = f"{RUN.format('fcn_s16', 0)}/checkpoint.pt"
    assert restored.planned(file)["train"] == 1
    restored.edit("params/scales/mini.yaml", "epochs: 50", "epochs: 49")
    assert RUN.format("fcn_s16", 0) in trained(restored.jobs("runs", "--config", "runs=fcn_s16"))
