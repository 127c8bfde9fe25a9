"""The folder of a run that was trained."""

from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.run import run_folder


def trained_folder(campaign: Campaign, results: Path, run: str, seed: int) -> Path:
    """Where `run` with `seed` lies; AcnetError if it is misspelt, or not trained here: then with what trains it."""
    campaign.dataset_of(run)
    folder, scale = run_folder(results, campaign.scale_name, run, seed), campaign.scale_name
    if (folder / "checkpoint.pt").exists():
        return folder
    if seed not in campaign.scale.seeds:
        seeds = ", ".join(map(str, campaign.scale.seeds))
        raise AcnetError(f"run '{run}': seed {seed} is not one of scale '{scale}', which has {seeds}")
    if (folder / "provenance.json").exists():
        raise AcnetError(
            f"{folder}/checkpoint.pt: trained, but not here; "
            f"`snakemake --cores 1 restore --config scale={scale}` brings it from a remote"
        )
    have = sorted(name for name in campaign.runs if (run_folder(results, scale, name, seed) / "checkpoint.pt").exists())
    known = f"trained here: {', '.join(have)}" if have else "no run of this scale is trained here"
    raise AcnetError(
        f"run '{run}': not trained here, {folder} has no checkpoint.pt; "
        f"`snakemake --cores all runs --config scale={scale} runs={run}` trains it; {known}"
    )
