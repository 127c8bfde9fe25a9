"""The runs whose gates are measured."""

from collections.abc import Iterable

from acnet.params.campaign import Campaign
from acnet.params.tables import Tables

PROTOCOL = "single"  # the gates are those of the whole image at this protocol's size and precision


def adaptive_runs(campaign: Campaign, tables: Tables, runs: Iterable[str]) -> list[str]:
    """Those of `runs` that have a gated module and are measured here, not only fine-tuned for a test server."""
    sent = {run for table in tables.tables.values() for run in table.fine_tuned()}
    seed = campaign.scale.seeds[0]
    return [
        run
        for run in runs
        if run not in sent and campaign.resolve(run, seed).values["model"]["global_context"] == "gcm"
    ]
