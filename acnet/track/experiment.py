"""One finished run as the files of a DVC experiment, in the folder experiment/."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acnet.data.classes import class_table
from acnet.errors import AcnetError
from acnet.evaluate.counts import counts_file
from acnet.files import digest, read_json, replacing, sha256, write_text
from acnet.params.campaign import Campaign
from acnet.params.run import read_run, run_folder
from acnet.provenance import changed_since, source_hash
from acnet.track import row
from acnet.track.dvc_project import dvc_project

if TYPE_CHECKING:
    from dvc.repo import Repo

FOLDER = "experiment"
CHECKPOINT = f"{FOLDER}/checkpoint.pt.dvc"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A finished run: its name in DVC, its small files by path, and its checkpoint.

    `checkpoint` is None where the file is not at hand; `sha256` is what provenance.json says of it. `digest` is equal
    exactly when two training runs and their measures are, wherever they hang and however `stale` they are by now.
    """

    name: str
    files: dict[str, str]
    checkpoint: Path | None
    sha256: str | None
    digest: str
    stale: str


def read_experiment(folder: Path, campaign: Campaign, code: str) -> Experiment | None:
    """The experiment of a run's folder, None while it has not ended; AcnetError for a broken file in it.

    `code` is today's source hash: a run trained with another one, or with other parameters, is stale.
    """
    if not (folder / "provenance.json").exists() or not (folder / "params.yaml").exists():
        return None
    provenance, run = read_json(folder / "provenance.json"), read_run(folder / "params.yaml")
    protocols = campaign.protocols
    measured = {name: folder / "metrics" / f"{name}.json" for name in protocols}
    metrics = {name: read_json(file) for name, file in measured.items() if file.exists()}
    first = next(iter(metrics), None)
    shown, counts = metrics.get(first), counts_file(measured[first]) if first else None
    try:
        columns = row.parameters(run, provenance)
        stale = "+".join(changed_since(provenance, campaign.resolve(run.name, run.seed), code)) or "no"
        texts = {
            "params.yaml": row.columns(columns),
            "metrics.json": _json(row.measures(metrics, protocols, provenance)),
            "history.csv": row.history(folder / "history.csv"),
            "classes.csv": row.classes(shown),
            "confusion.csv": row.confusion(counts, class_table(run).names),
            "run.yaml": (folder / "params.yaml").read_text(encoding="utf-8"),
            "provenance.json": _json(provenance),
        }
    except KeyError as error:
        raise AcnetError(f"{folder}: key {error} is missing in its files; train or evaluate this run again") from error
    name, written = f"{run.scale}-{run.name}-seed{run.seed}", provenance.get("checkpoint_sha256")
    identity = digest({"name": name, "checkpoint": written, "files": texts})
    texts["params.yaml"] = row.columns({**columns, "stale": stale})
    checkpoint = folder / "checkpoint.pt"
    files = {f"{FOLDER}/{name}": text for name, text in texts.items()}
    return Experiment(name, files, checkpoint if checkpoint.exists() else None, written, identity, stale)


def write_experiment(experiment: Experiment, project: "Repo", pointer: str = "") -> list[str]:
    """Write an experiment into the folder experiment/ of a DVC project; the paths that Git should have of it.

    The checkpoint goes into DVC's cache, too, and its .dvc file stands beside it, unless `pointer` has the text of that
    file. Raises AcnetError for a checkpoint that is not the one of its provenance.json.
    """
    root, files = Path(project.root_dir), dict(experiment.files)
    checkpoint = (root / CHECKPOINT).with_suffix("")
    if pointer or not experiment.checkpoint:
        checkpoint.unlink(missing_ok=True)  # of another run
        (root / CHECKPOINT).unlink(missing_ok=True)
        files |= {CHECKPOINT: pointer} if pointer else {}
    else:
        with replacing(checkpoint) as temporary:
            shutil.copyfile(experiment.checkpoint, temporary)
            if sha256(temporary) != experiment.sha256:
                raise AcnetError(f"{experiment.checkpoint}: not the one in provenance.json (is it being trained?)")
        project.add([str(checkpoint)])
        files[CHECKPOINT] = (root / CHECKPOINT).read_text(encoding="utf-8")
    for path, text in files.items():
        write_text(root / path, text)
    return list(files)


def place(campaign: Campaign, run: str, seed: int, results: Path, root: Path) -> list[str]:
    """Put a finished run into experiment/ below `root`, as `dvc exp apply` does; the paths written.

    Raises AcnetError for a run that has not ended, or whose checkpoint is not its own; Unavailable without DVC.
    """
    folder = run_folder(results, campaign.scale_name, run, seed)
    experiment = read_experiment(folder, campaign, source_hash())
    if experiment is None:
        raise AcnetError(f"{folder}: this run has not ended; train it first")
    with dvc_project(root) as project:
        return write_experiment(experiment, project)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"
