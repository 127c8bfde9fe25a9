"""What the one stage of dvc.yaml runs: Snakemake, on the target that workflow/config.yaml names, then a run's row.

`dvc exp run --temp` and `--queue` run it in a copy of the project without data/ and results/. The copy gets them as
hard links, and Snakemake's record with them: there Snakemake finds what is done as it would in the project, and what
it makes anew takes the place of the links, not of the project's files.
"""

import contextlib
import dataclasses
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.campaign import Campaign
from acnet.params.schema import among
from acnet.track.experiment import place
from acnet.track.repository import Repository

CONFIG = "workflow/config.yaml"
_OVERRIDDEN = ("params/model.yaml", "params/recipe.yaml")
_NOTE = "set for this experiment"
_LINKED = ("data", "results")
_GIVEN = ("data/raw", "data/archives")  # there a link leads to the user's own files, which nothing here writes
_COPIED = (".snakemake/metadata", ".snakemake/incomplete")  # Snakemake writes into the very files
# What a training or a download still writes into; a link to it would be written through.
_UNFINISHED = ("resume", ".part")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What workflow/config.yaml asks: scale, target, Snakemake's cores and other options, and the run of the row.

    That is its `row` if the target trains it, else the last run that the target trains, with the first of its seeds
    that are asked for.
    """

    scale: str
    target: str
    row: str
    seed: int
    cores: str
    options: list[str]


def asked(root: Path) -> Asked:
    """Read workflow/config.yaml; AcnetError for a target that there is not."""
    config = read_yaml(root / CONFIG)
    scale = str(config["scale"])  # which may be called 2024
    campaign = Campaign(root / "params", scale)
    target, named = str(config["target"]), [name for name in str(config["runs"]).split(",") if name]
    shown, tables = campaign.shown(), campaign.tables
    trained = {"all": tables.trained(shown), "runs": named}
    trained |= {name: runs for name in shown + campaign.on_request() if (runs := tables.trained([name]))}
    among(target, trained, f"{CONFIG}: target")
    if target == "runs" and not named:
        raise AcnetError(f"{CONFIG}: target runs needs runs, such as runs=acb3")
    for name in named:
        campaign.entry(name)
    row = config["row"] if config["row"] in trained[target] else trained[target][-1]
    seeds = [seed for seed in str(config["seeds"]).split(",") if seed]
    seed = next((seed for seed in campaign.seeds(row) if not seeds or str(seed) in seeds), campaign.scale.seeds[0])
    return Asked(scale, target, row, seed, str(config["cores"]), shlex.split(config["options"]))


def run_stage(root: Path, project: Path) -> str:
    """Make what workflow/config.yaml in `root` asks for and put a run into experiment/; the run's name.

    `project` is the project itself where `root` is DVC's copy of it. Raises AcnetError if Snakemake fails.
    """
    experiment = bool(os.environ.get("DVC_EXP_NAME"))
    if experiment:
        mark_overrides(root)
    ask = asked(root)
    if project.resolve() != root.resolve():
        link(project.resolve(), root.resolve())
    command = [sys.executable, "workflow/start.py", ask.target, "--cores", ask.cores, *ask.options]
    # The jobs of a copy shall run the copy's code.
    path = os.pathsep.join([str(root.resolve()), *filter(None, [os.environ.get("PYTHONPATH")])])
    former = signal.signal(signal.SIGINT, lambda *_: None)  # Snakemake gets it as well, and ends its jobs
    try:
        status = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": path}, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, former)
    if status:
        raise AcnetError(f"snakemake {ask.target}: status {status}, see above; the same command resumes it")
    campaign = Campaign(root / "params", ask.scale)
    files = place(campaign, ask.row, ask.seed, root / "results", root)
    if experiment:
        # DVC commits an experiment from the index, where files new to Git are missing.
        Repository(root).git("add", "--force", *files)
    return ask.row


def link(project: Path, copy: Path) -> None:
    """Hard links in `copy` to all that is finished in data/ and results/ of `project`; and Snakemake's record of it.

    Raises AcnetError where these lie on another disk than the copy.
    """
    for name in _COPIED:
        if (project / name).exists():
            shutil.copytree(project / name, copy / name, dirs_exist_ok=True)
    given = [path for name in _GIVEN for depth in ("*", "*/*") for path in (project / name).glob(depth)]
    links = [path for path in given if path.is_symlink() and not path.parent.is_symlink()]

    def left_out(folder: str, names: list[str]) -> list[str]:
        return [it for it in names if it.startswith(".") or it.endswith(_UNFINISHED) or Path(folder, it) in links]

    try:
        for name in _LINKED:
            if (project / name).exists():
                shutil.copytree(project / name, copy / name, ignore=left_out, copy_function=_link, dirs_exist_ok=True)
    except OSError as error:
        raise AcnetError(
            f"{project}: data/ or results/ lie on another disk than .dvc/tmp, or cannot be linked; "
            "dvc exp run without --temp and --queue works in the project itself"
        ) from error
    for path in links:
        (copy / path.relative_to(project)).symlink_to(path.resolve())


def _link(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError, FileExistsError):  # removed this moment; a file that Git knows
        os.link(os.path.realpath(source), target)


def mark_overrides(root: Path) -> None:
    """Give every value of _OVERRIDDEN that differs from the commit HEAD, and only there, the origin `ours`.

    A plain value in the place of {value, origin, note}, as `-S params/model.yaml:delta=10` leaves it, becomes one.
    """
    from dvc.utils.serialize import modify_yaml, parse_yaml

    repository = Repository(root)
    for name in _OVERRIDDEN:
        try:
            committed = parse_yaml(repository.git("show", f"HEAD:{name}"), name)
        except AcnetError:
            continue  # new since that commit
        if repository.git("status", "--porcelain", "--", name):
            with modify_yaml(str(root / name)) as values:
                _mark(values, committed)


def _mark(now: MutableMapping[str, Any], committed: Mapping[str, Any]) -> None:
    for key, value in now.items():
        former = committed.get(key)
        if not isinstance(former, Mapping):
            continue
        if "origin" not in former:
            if isinstance(value, MutableMapping):
                _mark(value, former)
        elif not isinstance(value, MutableMapping):
            now[key] = {"value": value, "origin": "ours", "note": _NOTE}
        elif value.get("value") != former["value"] and value.get("origin") == former["origin"]:
            value.update(origin="ours", note=_NOTE)
