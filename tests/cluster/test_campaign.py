"""Every kind of job, and a table through arrays, on Slurm."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from tests.cluster.conftest import TARGETS
from tests.workflow.conftest import files_below


@pytest.mark.parametrize(
    ("profile", "targets", "noted", "measured"), [("slurm", TARGETS, 5 + 4, 4), ("slurm-array", TARGETS[:1], 3 + 3, 3)]
)
def test_a_campaign_is_the_same_as_without_slurm_and_no_gpu_has_two_jobs(
    profile, targets, noted, measured, project, reference, slurm
):
    project.finish(project.start(*targets, profile=profile))
    there, here = made(reference.folder), made(project.folder)
    assert here == {name: there[name] for name in here}
    assert sum("/metrics/" in name and name.endswith(".json") for name in here) == measured
    assert "reports/mini/tables/table5.md" in here

    spans = {job: (gpu, *span(slurm, job)) for job, gpu, _ in project.jobs()}
    assert len(spans) == noted
    assert {gpu for gpu, _, _ in spans.values()} == {"0", "1"}
    for (gpu, start, end), (other_gpu, other_start, other_end) in combinations(spans.values(), 2):
        assert gpu != other_gpu or end <= other_start or other_end <= start
    # Now for this machine, and for Slurm again: who ran a job changes nothing.
    for words in ((), ("--workflow-profile", f"workflow/profiles/{profile}")):
        text = project.snakemake("-n", *targets, *words).stdout
        assert "Nothing to be done" in text, text


def made(folder: Path) -> dict[str, str]:
    """Hashes of all that holds no time or host: what was measured, tables, figures, verdicts."""
    files = {
        f"{part}/{name}": value for part in ("results", "reports") for name, value in files_below(folder / part).items()
    }
    kept = re.compile(r"results/.*(/metrics/.*|/gates.json)|reports/.*(?<!index.html)")
    return {name: value for name, value in files.items() if kept.fullmatch(name)}


def span(slurm, job: str) -> tuple[str, str]:
    """When a job began and ended, to the second, in a form that sorts."""
    text = slurm.run("scontrol", "show", "job", job)
    return tuple(re.search(rf"{name}=(\S+)", text)[1] for name in ("StartTime", "EndTime"))
