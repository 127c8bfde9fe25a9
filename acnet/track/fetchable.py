"""The commands that bring a run back: only where a campaign or an experiment in this repository has it."""

from pathlib import Path

from acnet.track.campaign import POINTER
from acnet.track.git import Repository, Unavailable


def commands_that_fetch(root: Path, scale: str, run: str, seed: int, only: str) -> list[str]:
    """Commands that bring a run and all that `only`, a table or figure, needs; none where it was never shared."""
    try:
        repository = Repository(root)
    except Unavailable:
        return []
    refs = repository.git("for-each-ref", "--format=%(refname)", "refs/tags/campaign", "refs/exps").splitlines()
    names = [ref.removeprefix("refs/tags/campaign/") for ref in refs if ref.startswith("refs/tags/campaign/")]
    listed = f"path: results/{scale}/{run}/seed{seed}/"
    found = [name for name in names if listed in repository.git("show", f"refs/tags/campaign/{name}:{POINTER}")]
    # Of several campaigns, that of the scale's own name, which is the usual one.
    found.sort(key=lambda name: (name != scale, name))
    commands = [f"snakemake --cores 1 restore --config campaign={name} only={only}" for name in found[:1]]
    experiment = f"{scale}-{run}-seed{seed}"
    if any(ref.startswith("refs/exps/") and ref.endswith(f"/{experiment}") for ref in refs):
        commands.append(f"dvc exp apply {experiment}  # commit first: it resets uncommitted edits")
    return commands
