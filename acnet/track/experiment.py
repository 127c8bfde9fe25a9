"""One finished run as the files of a DVC experiment."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from acnet.errors import AcnetError
from acnet.evaluate.counts import counts_file
from acnet.files import digest, read_json
from acnet.params.campaign import Campaign
from acnet.params.run import read_run
from acnet.provenance import changed_since
from acnet.track import plots
from acnet.track.row import measures, parameters

FOLDER = "experiment"
CHECKPOINT = f"{FOLDER}/checkpoint.pt.dvc"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A finished run: its name in DVC, when it ended (seconds since 1970), its small files by path, and its checkpoint.

    `checkpoint` is None where the file is not at hand; `sha256` is what provenance.json says of it. `digest` is equal
    exactly when two trainings and their measures are, wherever they hang and however `stale` they are by now.
    """

    name: str
    ended: int
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
    files = {name: folder / "metrics" / f"{name}.json" for name in protocols}
    metrics = {name: read_json(file) for name, file in files.items() if file.exists()}
    first = next(iter(metrics), None)
    shown, counts = metrics.get(first), counts_file(files[first]) if first else None
    try:
        row = parameters(run, provenance)
        stale = "+".join(changed_since(provenance, campaign.resolve(run.name, run.seed), code)) or "no"
        texts = {
            "params.yaml": columns(row),
            "metrics.json": _json(measures(metrics, protocols, provenance)),
            "history.csv": plots.history(folder / "history.csv"),
            "classes.csv": plots.classes(shown),
            "confusion.csv": plots.confusion(counts, run.reader),
            "run.yaml": (folder / "params.yaml").read_text(encoding="utf-8"),
            "provenance.json": _json(provenance),
        }
    except KeyError as error:
        raise AcnetError(f"{folder}: key {error} is missing in its files; train or evaluate this run again") from error
    name, sha256 = f"{run.scale}-{run.name}-seed{run.seed}", provenance.get("checkpoint_sha256")
    identity = digest({"name": name, "checkpoint": sha256, "files": texts})
    texts["params.yaml"] = columns({**row, "stale": stale})
    checkpoint = folder / "checkpoint.pt"
    return Experiment(
        name=name,
        ended=int(datetime.fromisoformat(provenance["finished"]).timestamp()),
        files={f"{FOLDER}/{name}": text for name, text in texts.items()},
        checkpoint=checkpoint if checkpoint.exists() else None,
        sha256=sha256,
        digest=identity,
        stale=stale,
    )


def pointer(md5: str, size: int) -> str:
    """The .dvc file of a checkpoint."""
    out = {"md5": md5, "size": size, "hash": "md5", "path": "checkpoint.pt"}
    return yaml.safe_dump({"outs": [out]}, sort_keys=False)


def columns(values: Mapping[str, Any]) -> str:
    """YAML with every text in quotes: a commit such as 12345e6789 must not be read as a number."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())


def _json(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"
