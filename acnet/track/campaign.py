"""A published campaign: the tag campaign/NAME, whose commit adds campaign.dvc, the list of its files and their hashes.

With Git and DVC alone, `git checkout campaign/NAME && dvc pull` brings it back too.
"""

import contextlib
import dataclasses
from pathlib import Path

import yaml

from acnet.errors import AcnetError
from acnet.jobs.status_files import RESTORED
from acnet.params.campaign import Campaign
from acnet.params.run import MEASURED, seed_folders
from acnet.params.schema import nearest
from acnet.track.repository import Repository

POINTER = "campaign.dvc"
FOLDERS = ("data", "results", "reports")  # that a campaign has files in


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file of a campaign: its path from the project's root, its MD5 and its bytes."""

    path: str
    md5: str
    size: int


@dataclasses.dataclass(frozen=True)
class Published:
    """A published campaign: its scale and its files."""

    scale: str
    entries: list[Entry]


def tag(name: str) -> str:
    """The Git ref of a campaign."""
    return f"refs/tags/campaign/{name}"


def files_of(campaign: Campaign, root: Path, with_data: bool) -> list[Path]:
    """The files at hand that a campaign consists of, relative to `root`, sorted.

    Pixels of a dataset that is not generated here (its prepared store, example predictions, the figures and the page
    that show them) are among them only `with_data`; so are stores of generated ones, which are quicker made than sent.
    """
    scale = campaign.scale_name
    pixels = with_data or campaign.generated
    found: set[Path] = set()
    for run in campaign.runs:
        for folder in seed_folders(root / "results" / scale / run):
            for pattern in (*MEASURED, RESTORED, "checkpoint.pt", *(["examples.npz"] if pixels else [])):
                found |= set(folder.glob(pattern))
    found |= set(root.glob(f"results/{scale}/server/*.yaml"))
    for dataset in set(campaign.scale.stands_in.values()):
        found |= set(root.glob(f"data/{dataset}/{'*' if with_data else 'manifest.json'}"))
    photos = [name for name in campaign.scale.figures if campaign.tables.figures[name].examples]
    for file in root.glob(f"reports/{scale}/**/*"):
        if pixels or not (file.suffix == ".html" or file.stem in photos):
            found.add(file)
    return sorted(file.relative_to(root) for file in found if file.is_file() and not file.name.startswith("."))


def read_pointer(text: str) -> Published:
    """What a campaign.dvc says; AcnetError for a path that leads out of the project."""
    content = yaml.safe_load(text)
    entries = [Entry(out["path"], out["md5"], out["size"]) for out in content["outs"]]
    refuse_outside(POINTER, entries)
    return Published(content["meta"]["scale"], entries)


def refuse_outside(source: object, entries: list[Entry]) -> None:
    """AcnetError for a path that leads out of the project."""
    for entry in entries:
        parts = Path(entry.path).parts
        if parts[0] not in FOLDERS or ".." in parts:
            raise AcnetError(f"{source}: path '{entry.path}' is not one of {', '.join(FOLDERS)}; nothing is restored")


def find(repository: Repository, name: str, git_remote: str = "origin") -> Published:
    """The campaign `name`, asked of `git_remote` if it is not here; AcnetError if it is nowhere."""
    if not repository.git("for-each-ref", tag(name)) and git_remote in repository.git("remote").split():
        with contextlib.suppress(AcnetError):  # not published there, or not reachable: what is here must do
            repository.git("fetch", "--quiet", "--no-tags", git_remote, f"{tag(name)}:{tag(name)}")
    if not repository.git("for-each-ref", tag(name)):
        known = repository.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/tags/campaign").split()
        have = f"; there are: {', '.join(known)}" if known else "; none is published here"
        raise AcnetError(f"campaign '{name}': no tag campaign/{name}{nearest(name, known) if known else ''}{have}")
    return read_pointer(repository.git("show", f"{tag(name)}:{POINTER}"))
