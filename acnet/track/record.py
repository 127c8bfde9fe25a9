"""Every finished run as a DVC experiment of the current commit.

To DVC an experiment is a commit on refs/exps/{HEAD's first two digits}/{the others}/{name}, with HEAD as its parent.
`dvc exp save` would need a clone and seconds for each; `git fast-import` writes all at once, beside the work tree.
"""

import dataclasses
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.provenance import source_hash
from acnet.track.cache import Cache, hashes
from acnet.track.experiment import CHECKPOINT, Experiment, pointer, read_experiment
from acnet.track.git import Repository
from acnet.track.lock import RECORD, exclusive

_SUBJECT = "acnet record"
_AUTHOR = "acnet <acnet@localhost>"


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

    @property
    def kept(self) -> bool:
        """Whether this is an earlier training of its run, kept under NAME-TIME."""
        return bool(re.search(r"-\d{8}T\d{6}$", self.name))


def record(campaign: Campaign, results: Path, root: Path, keep: bool = False) -> dict[str, list[str]]:
    """Record every finished run of the campaign's scale; their names by what happened to them.

    new; replaced, being trained or measured anew; moved to HEAD from an older commit; marked, stale or no longer;
    unchanged. With `keep`, the old row of a run trained or measured anew stays
    as NAME-TIME. Raises Unavailable without Git or DVC, AcnetError if HEAD lacks dvc.yaml.
    """
    repository, cache = Repository(root), Cache(root)
    if not repository.git("ls-tree", "--name-only", "HEAD", "dvc.yaml"):
        raise AcnetError(f"{root}/dvc.yaml: not in the commit HEAD; commit it, since DVC reads the columns there")
    if repository.dirty():
        note = "the work tree differs from it; the column `commit` says what each run was trained at"
        _say(f"rows hang on commit {repository.head[:10]}; {note}")
    with exclusive(root / RECORD):
        rows = list(rows_of(repository))
        here = {row.name: row for row in rows if row.baseline == repository.head}
        done: dict[str, list[str]] = {"new": [], "replaced": [], "moved": [], "marked": [], "unchanged": []}
        stream, recorded = [], {}
        for experiment in _finished(campaign, results):
            row = here.get(experiment.name)
            if row and row.digest is None:
                _say(f"{experiment.name}: an experiment of your own has this name; left alone")
                continue
            earlier = [row for row in rows if row.name == experiment.name and row.digest]
            if row and (row.digest, row.stale) == (experiment.digest, experiment.stale):
                done["unchanged"].append(experiment.name)
            elif (part := _commit(experiment, repository, cache, earlier)) is not None:
                done[_what_happened(experiment, row, earlier)].append(experiment.name)
                stream.append(part)
            else:
                continue
            recorded[experiment.name] = experiment
        if keep:
            _keep(repository, rows, recorded)
        if stream:
            repository.update("fast-import", "--quiet", "--force", "--done", feed=b"".join(stream) + b"done\n")
        _drop_moved(repository, rows, recorded)
    return done


def _what_happened(experiment: Experiment, row: Row | None, earlier: list[Row]) -> str:
    if row and row.digest == experiment.digest:
        return "marked"
    if any(other.digest == experiment.digest for other in earlier):
        return "moved"
    return "replaced" if earlier else "new"


def _finished(campaign: Campaign, results: Path) -> Iterator[Experiment]:
    """The finished runs at hand, in the order of runs.yaml; a run with a broken file is named and left out."""
    code = source_hash()
    for run in campaign.runs:
        for folder in sorted((results / campaign.scale_name / run).glob("seed*")):
            try:
                experiment = read_experiment(folder, campaign, code)
            except AcnetError as error:
                _say(f"{error}; not recorded")
                continue
            if experiment:
                yield experiment


def rows_of(repository: Repository) -> Iterator[Row]:
    """Every experiment of the repository."""
    listed = repository.git("for-each-ref", "--format=%(refname) %(objectname) %(subject)", "refs/exps")
    for line in listed.splitlines():
        ref, commit, subject = line.split(" ", 2)
        parts = ref.split("/")
        if len(parts) == 5 and len(parts[2]) == 2:
            said = subject.removeprefix(_SUBJECT).split() if subject.startswith(_SUBJECT) else []
            digest, stale = (*said, None, None)[:2]
            yield Row(ref, parts[2] + parts[3], parts[4], commit, digest, stale)


def _commit(experiment: Experiment, repository: Repository, cache: Cache, earlier: list[Row]) -> bytes | None:
    """What makes git fast-import write one experiment; None if its checkpoint is not the one it speaks of."""
    files = dict(experiment.files)
    if experiment.checkpoint:
        md5, sha256 = hashes(experiment.checkpoint)
        if sha256 != experiment.sha256:
            _say(f"{experiment.checkpoint}: not the one in provenance.json; not recorded (is it being trained?)")
            return None
        cache.add(experiment.checkpoint, md5)
        files[CHECKPOINT] = pointer(md5, experiment.checkpoint.stat().st_size)
    else:
        # Where only metrics are at hand, an earlier row of the same run still knows the checkpoint.
        for row in earlier:
            if row.digest == experiment.digest and repository.git("ls-tree", row.commit, CHECKPOINT):
                files[CHECKPOINT] = repository.git("show", f"{row.commit}:{CHECKPOINT}") + "\n"
    ref = f"refs/exps/{repository.head[:2]}/{repository.head[2:]}/{experiment.name}"
    author = f"{_AUTHOR} {experiment.ended} +0000"
    parts = [f"commit {ref}\nauthor {author}\ncommitter {author}\n".encode()]
    parts += [_data(f"{_SUBJECT} {experiment.digest} {experiment.stale}\n"), f"from {repository.head}\n".encode()]
    for path, text in files.items():
        parts += [f"M 100644 inline {path}\n".encode(), _data(text)]
    return b"".join(parts)


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%s\n" % (len(content), content)


def _keep(repository: Repository, rows: list[Row], recorded: dict[str, Experiment]) -> None:
    """Give every row that is about to be replaced by another content a name with the time its run ended."""
    commands = []
    for row in rows:
        if row.digest and row.name in recorded and row.digest != recorded[row.name].digest:
            ended = int(repository.git("show", "--no-patch", "--format=%ct", row.commit))
            time = datetime.fromtimestamp(ended, UTC).strftime("%Y%m%dT%H%M%S")
            commands.append(f"update {row.ref}-{time} {row.commit}\n")
    repository.update("update-ref", "--stdin", feed="".join(commands).encode())


def _drop_moved(repository: Repository, rows: list[Row], recorded: dict[str, Experiment]) -> None:
    """Remove our rows of older commits whose runs now stand at HEAD, so that a name means one experiment."""
    old = [row for row in rows if row.digest and row.name in recorded and row.baseline != repository.head]
    repository.update("update-ref", "--stdin", feed="".join(f"delete {row.ref}\n" for row in old).encode())


def _say(message: str) -> None:
    print(f"acnet: {message}", file=sys.stderr)
