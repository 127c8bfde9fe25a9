"""A table of the mini campaign, trained through Slurm."""

import re
from itertools import combinations

import pytest

from tests.cluster.conftest import CAMPAIGN, measured
from tests.workflow.conftest import files_below


@pytest.mark.parametrize("profile", ["slurm", "slurm-array"])
def test_a_table_is_the_same_as_without_slurm_and_no_gpu_has_two_jobs(profile, project, reference, slurm):
    project.finish(project.start(CAMPAIGN, profile=profile))
    expected = measured(reference.folder)
    assert measured(project.folder) == expected and sum(name.endswith(".json") for name in expected) == 3
    assert files_below(project.folder / "reports") == files_below(reference.folder / "reports")

    spans = {job: (gpu, *span(slurm, job)) for job, gpu, _ in project.jobs()}
    assert len(spans) == 6
    assert {gpu for gpu, _, _ in spans.values()} == {"0", "1"}
    for (gpu, start, end), (other_gpu, other_start, other_end) in combinations(spans.values(), 2):
        assert gpu != other_gpu or end <= other_start or other_end <= start
    # Now for this machine, and for Slurm again: who ran a job changes nothing.
    assert "Nothing to be done" in project.snakemake("-n", CAMPAIGN).stdout
    assert (
        "Nothing to be done"
        in project.snakemake("-n", CAMPAIGN, "--workflow-profile", f"workflow/profiles/{profile}").stdout
    )


def span(slurm, job: str) -> tuple[str, str]:
    """When a job began and ended, to the second, in a form that sorts; and Slurm says it had the GPU it used."""
    text = slurm.run("scontrol", "show", "job", job)
    return tuple(re.search(rf"{name}=(\S+)", text)[1] for name in ("StartTime", "EndTime"))
