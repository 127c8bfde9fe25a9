"""Every finished run as a DVC experiment of the current commit.

`dvc add` and `dvc exp save` make each one in a throw-away clone, about a second for a run, and Git brings them over.
"""

import contextlib
import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.run import seed_folders
from acnet.progress import Progress
from acnet.provenance import source_hash
from acnet.track.dvc_project import one_at_a_time, throwaway_clone
from acnet.track.experiment import CHECKPOINT, Experiment, read_experiment, write_experiment
from acnet.track.repository import Repository

_SUBJECT = "acnet record"
# As `git for-each-ref` lists an experiment, whose ref DVC names by the commit it belongs to; its subject if it is ours.
_ROW = re.compile(rf"(\w+) (refs/exps/(\w\w)/(\w+)/(\S+)) (?:{_SUBJECT} (\w+) (\S+)$)?")


@dataclasses.dataclass(frozen=True)
class Row:
    """An experiment that stands in the repository; `digest` is None if another program wrote it.

    `stale` is what had changed since its training when it was recorded.
    """

    ref: str
    baseline: str
    name: str
    commit: str
    digest: str | None
    stale: str | None


def rows_of(repository: Repository) -> list[Row]:
    """Every experiment of the repository."""
    listed = repository.git("for-each-ref", "--format=%(objectname) %(refname) %(subject)", "refs/exps")
    found = (row.groups() for row in map(_ROW.match, listed.splitlines()) if row)
    return [Row(ref, head + tail, name, commit, *said) for commit, ref, head, tail, name, *said in found]


def record(campaign: Campaign, results: Path, root: Path) -> dict[str, list[str]]:
    """Record every finished run of the campaign's scale; their names by what happened to them.

    new; replaced, being trained or measured anew, or stale by now; moved to HEAD from an older commit; unchanged.
    Raises Unavailable without Git or DVC, AcnetError if HEAD lacks dvc.yaml.
    """
    repository = Repository(root)
    if not repository.git("ls-tree", "--name-only", "HEAD", "dvc.yaml"):
        raise AcnetError(f"{root}/dvc.yaml: not in the commit HEAD; commit it, since DVC reads the columns there")
    if repository.git("status", "--porcelain", "--untracked-files=no"):
        note = "the work tree differs from it; the column `commit` says what each run was trained at"
        _say(f"rows belong to commit {repository.head[:10]}; {note}")
    done: dict[str, list[str]] = {"new": [], "replaced": [], "moved": [], "unchanged": []}
    with one_at_a_time(root):
        rows = rows_of(repository)
        here = {row.name: row for row in rows if row.baseline == repository.head}
        ours = [row for row in rows if row.digest]
        former = {row.name: row.digest for row in ours}
        changed = []
        for experiment in _finished(campaign, results):
            row = here.get(experiment.name)
            if row and row.digest is None:
                _say(f"{experiment.name}: an experiment of your own has this name; not changed")
            elif row and (row.digest, row.stale) == (experiment.digest, experiment.stale):
                done["unchanged"].append(experiment.name)
            else:
                changed.append(experiment)
        for experiment in _save(changed, ours, repository) if changed else []:
            moved = former.get(experiment.name) == experiment.digest and experiment.name not in here
            what = "moved" if moved else "replaced" if experiment.name in former else "new"
            done[what].append(experiment.name)
        # Our rows of older commits whose runs now stand at HEAD go, so that a name means one experiment.
        recorded = {name for names in done.values() for name in names}
        old = [row.ref for row in ours if row.name in recorded and row.baseline != repository.head]
        repository.update("update-ref", "--stdin", feed="".join(f"delete {ref}\n" for ref in old).encode())
    return done


def _finished(campaign: Campaign, results: Path) -> Iterator[Experiment]:
    """The finished runs at hand, in the order of runs.yaml; a run with a broken file is named and left out."""
    code = source_hash()
    for run in campaign.runs:
        for folder in seed_folders(results / campaign.scale_name / run):
            try:
                experiment = read_experiment(folder, campaign, code)
            except AcnetError as error:
                _say(f"{error}; not recorded")
                continue
            if experiment:
                yield experiment


def _save(experiments: list[Experiment], rows: list[Row], repository: Repository) -> list[Experiment]:
    """Make rows of `experiments` at HEAD; those that have one now."""
    saved = []
    progress = Progress("record", len(experiments), "runs")
    with throwaway_clone(repository) as clone:
        for experiment in experiments:
            # An earlier row of the same training knows the checkpoint, even where only metrics are at hand.
            same = [row.commit for row in rows if row.digest == experiment.digest]
            known = next((commit for commit in same if repository.git("ls-tree", commit, CHECKPOINT)), None)
            pointer = f"{repository.git('show', f'{known}:{CHECKPOINT}')}\n" if known else ""
            try:
                files = write_experiment(experiment, clone, pointer)
            except AcnetError as error:
                _say(f"{error}; not recorded")
                continue
            message = f"{_SUBJECT} {experiment.digest} {experiment.stale}"
            target = {"targets": ["dvc.yaml"], "include_untracked": files}  # a checkpoint may be known by its hash only
            with contextlib.chdir(clone.root_dir):  # DVC works where it is called
                clone.experiments.save(name=experiment.name, message=message, **target)
            saved.append(experiment)
            progress.advance()
        if saved:
            rows_there = rows_of(Repository(clone.root_dir))
            repository.bring(clone.root_dir, *(f"{row.ref}:{row.ref}" for row in rows_there))
    return saved


def _say(message: str) -> None:
    print(f"acnet: {message}", file=sys.stderr)
