"""The zips for the test servers are made when they are asked for, and never else."""

from tests.workflow.conftest import counted, outputs


def test_submissions_ask_for_the_fine_tuned_runs_by_the_tables_protocol(project):
    text = project.snakemake("-n", "submissions").stdout
    made = {path for path in outputs(text) if "/submission/" in path}
    assert made == {
        "results/mini/r101_ohem_trainval/seed0/submission/test_multi_flip.zip",
        "results/mini/ade_r101_acnet_trainval/seed0/submission/test_multi_flip.zip",
    }
    assert counted(text)["train"] == 4  # each with the run that it is fine-tuned from
