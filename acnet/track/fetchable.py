"""The commands that bring a run back: only where a campaign or an experiment in this repository has it."""

from pathlib import Path

from acnet.params.campaign import Campaign
from acnet.progress import some
from acnet.track.campaign import find, tag
from acnet.track.git import Repository, Unavailable
from acnet.track.restore import files_here, in_the_way, part


def commands_that_fetch(root: Path, campaign: Campaign, run: str, seed: int, only: str) -> list[str]:
    """Commands that bring a run and all that `only`, a table or figure, needs; none where it was never shared."""
    scale = campaign.scale_name
    try:
        repository = Repository(root)
    except Unavailable:
        return []
    refs = repository.git("for-each-ref", "--format=%(refname)", tag("*"), "refs/exps").splitlines()
    names = [ref.removeprefix(tag("")) for ref in refs if ref.startswith(tag(""))]
    commands = []
    # Of several campaigns, that of the scale's own name, which is the usual one.
    for name in sorted(names, key=lambda name: (name != scale, name)):
        published = find(repository, name)
        if not any(entry.path.startswith(f"results/{scale}/{run}/seed{seed}/") for entry in published.entries):
            continue
        chosen = part(published, only, campaign.params)
        other = in_the_way(chosen, files_here(chosen, root))
        commands = [f"snakemake --cores 1 restore --config campaign={name} only={only}"]
        if other:
            commands = [f"acnet restore {name} --only {only} --overwrite  # replaces what differs here: {some(other)}"]
        break
    experiment = f"{scale}-{run}-seed{seed}"
    if any(ref.startswith("refs/exps/") and ref.endswith(f"/{experiment}") for ref in refs):
        commands.append(f"dvc exp apply {experiment}  # commit first: it resets uncommitted edits")
    return commands
