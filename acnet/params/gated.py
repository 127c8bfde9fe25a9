"""The runs whose gates are measured."""

from collections.abc import Iterable
from pathlib import Path

from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.run import run_folder
from acnet.params.tables import Tables
from acnet.params.trained import trained_folder

PROTOCOL = "single"  # the gates are those of the whole image at this protocol's size and precision


def adaptive_runs(campaign: Campaign, tables: Tables, runs: Iterable[str]) -> list[str]:
    """Those of `runs` that have a gated module and are measured here, not only fine-tuned for a test server."""
    sent = {run for table in tables.tables.values() for run in table.fine_tuned()}
    seed = campaign.scale.seeds[0]
    return [run for run in runs if run not in sent and _gated(campaign, run, seed)]


def require_gates(campaign: Campaign, results: Path, run: str) -> None:
    """AcnetError unless the gates of `run` are measured here: it is misspelt, has none, or what is to be done first."""
    seeds = campaign.scale.seeds
    if not _gated(campaign, run, seeds[0]):
        raise AcnetError(f"run {run} has no gated module; name one with global_context: gcm")
    if not any((run_folder(results, campaign.scale_name, run, seed) / "gates.json").exists() for seed in seeds):
        folder = trained_folder(campaign, results, run, seeds[0])
        raise AcnetError(f"{folder}/gates.json: not there; `acnet gates --params {folder}/params.yaml` measures it")


def _gated(campaign: Campaign, run: str, seed: int) -> bool:
    return campaign.resolve(run, seed).model.global_context == "gcm"
