"""The whole campaign as plain commands, for a machine without Snakemake."""

from collections.abc import Sequence

from acnet.params.campaign import Campaign
from acnet.params.gated import PROTOCOL, adaptive_runs
from acnet.params.tables import load_tables
from acnet.watch.plan import protocols_of


def shell_commands(campaign: Campaign, runs: Sequence[str]) -> list[str]:
    """Commands that train `runs` in their order, measure them and draw the report; each may be repeated at will."""
    return [*_data(campaign, runs), *_trainings(campaign, runs), *_report(campaign)]


def _data(campaign: Campaign, runs: Sequence[str]) -> list[str]:
    resolved = [campaign.resolve(run, campaign.scale.seeds[0]) for run in runs]
    lines = []
    for name in dict.fromkeys(values.dataset for values in resolved):
        if campaign.datasets[name].generate:
            lines.append(f"acnet data generate {name}")
        lines.append(f"acnet data prepare {name}")
    files = dict.fromkeys(values.init.file for values in resolved if values.init.kind == "url")
    return lines + [f"acnet fetch-weights {file.rsplit('/', 1)[-1]}" for file in files]


def _trainings(campaign: Campaign, runs: Sequence[str]) -> list[str]:
    scale, tables = campaign.scale_name, load_tables(campaign.params)
    shown = [tables.figure(name) for name in campaign.scale.figures]
    examples = {run for figure in shown for run in figure.example_runs()}
    gated = set(adaptive_runs(campaign, tables, runs))
    count = max((figure.examples or 0 for figure in shown), default=0)
    lines = []
    for run in runs:
        for seed in campaign.scale.seeds:
            params = f"results/{scale}/{run}/seed{seed}/params.yaml"
            lines += [f"acnet resolve --scale {scale} --run {run} --seed {seed}", f"acnet train --params {params}"]
            if protocols := protocols_of(campaign, run):
                asked = " ".join(f"--protocol {name}" for name in protocols)
                lines.append(f"acnet evaluate --params {params} {asked}")
            if run in gated:
                lines.append(f"acnet gates --params {params} --protocol {PROTOCOL}")
            if run in examples:
                lines.append(f"acnet examples --params {params} --protocol single --count {count}")
    return lines


def _report(campaign: Campaign) -> list[str]:
    scale = campaign.scale_name
    lines = [f"acnet report table {name} --scale {scale}" for name in campaign.scale.tables]
    lines += [f"acnet report figure {name} --scale {scale}" for name in campaign.scale.figures]
    return lines + [f"acnet report {part} --scale {scale}" for part in ("curves", "gates", "claims", "page")]
