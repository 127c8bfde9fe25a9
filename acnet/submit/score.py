"""A test server's answer, written where the report reads it."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from acnet.errors import AcnetError
from acnet.files import sha256, write_text
from acnet.params.campaign import Campaign
from acnet.params.run import run_folder
from acnet.params.schema import nearest
from acnet.params.tables import Table


def zip_of(run: Path, split: str, protocol: str) -> Path:
    """Where the submission of a trained run's folder lies; the predictions lie beside, without the suffix."""
    return run / "submission" / f"{split}_{protocol}.zip"


def record_score(
    campaign: Campaign,
    results_root: Path,
    run: str,
    seed: int,
    protocol: str,
    scores: Mapping[str, float],
    per_class: Mapping[str, float],
    note: str | None,
) -> Path:
    """Write server/{table}.yaml of a scale for the table whose row names `run` as its submission; the file's path.

    `seed` and `protocol` name the zip that went to the server, whose SHA-256 is written beside the `scores` by metric
    (miou, final_score) and `per_class`, in percent.
    Raises AcnetError for a run that no table submits or whose images are generated, a metric or class the table does
    not show, a number that is no percentage, and a zip that is not here.
    """
    scale = campaign.scale_name
    tables = campaign.tables.tables
    judged = {row.server: (name, table) for name, table in tables.items() for row in table.rows if row.server}
    if run not in judged:
        raise AcnetError(f"run '{run}': no table submits it{nearest(run, judged)}")
    if campaign.datasets[campaign.dataset_of(run)].generate:
        raise AcnetError(f"run '{run}': predicts generated images at scale '{scale}', which no server judges")
    name, table = judged[run]
    _check(name, table, scores, per_class)
    scored = zip_of(run_folder(results_root, scale, run, seed), "test", protocol)
    if not scored.exists():
        raise AcnetError(
            f"{scored}: not found, so it is not known what was scored; make it with `acnet submit`, "
            "copy it here, or name the --seed and --protocol that went to the server"
        )
    submission = {"run": run, "seed": seed, "protocol": protocol, "sha256": sha256(scored)}
    values = {**scores, "per_class": dict(per_class) or None, "note": note, "submission": submission}
    path = results_root / scale / "server" / f"{name}.yaml"
    write_text(path, yaml.safe_dump({k: v for k, v in values.items() if v is not None}, sort_keys=False))
    return path


def _check(name: str, table: Table, scores: Mapping[str, float], per_class: Mapping[str, float]) -> None:
    metrics = {column.metric for column in table.columns.values()}
    if not scores:
        raise AcnetError(f"{name}: no score given; it shows {', '.join(sorted(metrics))}")
    for given, known in ((scores, metrics), (per_class, table.per_class or ())):
        for key, value in given.items():
            if key not in known:
                raise AcnetError(f"{name}: does not show '{key}'{nearest(key, known)}")
            if not 0 <= value <= 100:
                raise AcnetError(f"{name}: {key}: {value} is not a percentage")
    if all(value <= 1 for value in scores.values()):
        raise AcnetError(f"{name}: {dict(scores)} look like fractions; give percent, such as 81.2")
