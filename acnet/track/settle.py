"""Tell Snakemake that restored files are what its rules would make, so that it notices later edits of params/."""

import subprocess
import sys
from pathlib import Path

from acnet.files import read_yaml
from acnet.params.campaign import Campaign


def other_parameters(campaign: Campaign, results: Path) -> list[str]:
    """The runs at hand whose params.yaml is not what params/ says today, sorted."""
    found = []
    for file in sorted((results / campaign.scale_name).glob("*/seed*/params.yaml")):
        run, seed = file.parts[-3], int(file.parts[-2].removeprefix("seed"))
        if run not in campaign.runs or read_yaml(file) != campaign.resolve(run, seed).values:
            found.append(f"{run}/seed{seed}")
    return found


def settle(root: Path, target: str, scale: str) -> bool:
    """Let Snakemake note everything behind `target` as made with today's parameters; False if it could not for all."""
    options = ["--touch", "--forceall", "--nolock", "--keep-going", "--cores", "1", "--quiet", "all"]
    command = [sys.executable, "-m", "snakemake", target, *options, "--config", f"scale={scale}"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0
