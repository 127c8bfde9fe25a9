"""Tell Snakemake what restored files were made with, so that it notices later edits of params/."""

import dataclasses
import subprocess
import sys
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.run import read_run

_MADE = ("params.yaml", "checkpoint.pt", "examples.npz")


@dataclasses.dataclass(frozen=True)
class Runs:
    """What params/ says today of the runs among restored files, each as run/seedN; `files` are those it would make.

    `others` were trained with other parameters than params/ holds; for `unknown` ones it has no entry in runs.yaml, or
    no dataset at this scale, and their files are not among `files`.
    """

    others: list[str]
    unknown: list[str]
    files: list[str]


def runs_among(paths: list[str], campaign: Campaign, root: Path) -> Runs:
    """Compare the runs among `paths`, relative to `root`, with params/."""
    found = Runs([], [], [])
    for path in map(Path, paths):
        if path.parts[0] != "results" or path.name != "params.yaml":
            continue
        run, seed = path.parts[-3:-1]
        try:
            today = campaign.resolve(run, int(seed.removeprefix("seed")))
        except AcnetError:
            found.unknown.append(f"{run}/{seed}")
            continue
        if read_run(root / path) != today:
            found.others.append(f"{run}/{seed}")
        made = [path.with_name(name) for name in _MADE]
        made += [path.parent / "metrics" / f"{protocol}.json" for protocol in campaign.protocols]
        found.files.extend(file.as_posix() for file in made if (root / file).exists())
    return found


def settle(root: Path, targets: list[str], scale: str) -> bool:
    """Let Snakemake note everything behind `targets` as made, with what each params.yaml says; False if not for all."""
    options = ["--touch", "--forceall", "--nolock", "--keep-going", "--cores", "1", "--quiet", "rules"]
    command = [sys.executable, "-m", "snakemake", *targets, *options, "--config", f"scale={scale}"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0
