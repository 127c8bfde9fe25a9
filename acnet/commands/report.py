"""acnet report: tables, figures, claims and the HTML report, from the finished runs."""

import argparse
import importlib
import sys
from pathlib import Path

from acnet.commands.options import campaign, command, group
from acnet.errors import AcnetError
from acnet.progress import some

# name: (module of acnet.report, function, help, takes a name)
_DRAWN = {
    "cells": ("cells", "write_cells", "write cells.csv, the cells of all tables, for claims and HTML report", False),
    "table": ("tables", "write_table", "write one table as CSV, Markdown and LaTeX", True),
    "cost": ("cost", "write_cost", "plot mIoU against FLOPs for the rows of a table, as PNG and PDF", True),
    "figure": ("figures", "write_figure", "write one figure as PNG and PDF", True),
    "curves": ("figures", "write_curves", "plot loss, alpha and beta over training as PNG and PDF", False),
    "gates": ("gates", "write_gates", "plot, as PNG and PDF, where the gates are large, and write gates.csv", False),
    "claims": ("claims", "write_claims", "write the verdict on each of the paper's claims", False),
    "forest": ("forest", "write_forest", "plot the primary claims: the paper's differences beside ours", False),
    "page": ("page", "write_page", "write the HTML report with all tables, figures and claims", False),
    "publish": ("publish", "publish", "copy the publishable files of the report into reports/published", False),
}


def add(commands) -> None:
    """Add the commands to the parser."""
    report = group(commands, "report", "write tables, figures, claims and the HTML report from the finished runs")
    for name, (_, _, text, takes_name) in _DRAWN.items():
        made = command(report, name, _draw, text, "--scale")
        made.set_defaults(drawn=name)
        if takes_name:
            made.add_argument("name", help="a table, such as peers" if name == "cost" else f"a {name}, such as {name}1")
        if name == "gates":
            made.add_argument("--run", help="only this run, written to figures/gates_RUN")
        if name == "forest":
            made.add_argument("--published", nargs="+", metavar="SCALE", help="plot published scales side by side")
    for name, run, text in (
        ("tally", _tally, "count runs by state and claims by verdict; print the path of the HTML report"),
        ("publish-runs", _publish_runs, "write the record of each finished run to reports/published"),
        ("restore-runs", _restore_runs, "restore finished runs from their records into results"),
    ):
        command(report, name, run, text, "--scale")


def _tally(parsed: argparse.Namespace) -> None:
    from acnet.report.claims import read_claims
    from acnet.status import campaign_status, counted

    claims = read_claims(parsed.reports_root / parsed.scale)
    found = campaign_status(campaign(parsed), parsed.results_root, parsed.logs_root)
    print(f"runs                    {len(found)}: {counted(found)}")
    for kind, verdicts in claims["counts"].items():
        if any(verdicts.values()):
            counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)
            print(f"{f'claims, {kind}':<23} {sum(verdicts.values())}: {counts}")
    print(f"page                    {parsed.reports_root / parsed.scale / 'index.html'}")


def _publish_runs(parsed: argparse.Namespace) -> None:
    from acnet.report.run_records import publish_runs

    written, refused = publish_runs(campaign(parsed), parsed.results_root, parsed.reports_root)
    for file in written:
        print(file)
    if refused:
        raise AcnetError(f"no record written of {some(refused)}: commit all changes and train these runs again")


def _restore_runs(parsed: argparse.Namespace) -> None:
    from acnet.report.run_records import restore_runs
    from acnet.track.restore import runs_among, touch

    settings = campaign(parsed)
    files = [str(it / "params.yaml") for it in restore_runs(settings, parsed.results_root, parsed.reports_root)]
    print(f"restored: {len(files)} runs, without checkpoints", file=sys.stderr)
    runs = runs_among(files, settings, Path.cwd())
    if others := [*runs.others, *runs.unknown]:
        how = f"trained with parameters or initial weights that differ from {parsed.params_root}/"
        print(f"{how}: {some(others)}; params.yaml and provenance.json of each say which", file=sys.stderr)
    if known := [file for file in runs.files if file.endswith("/params.yaml")]:
        touch(Path.cwd(), known, parsed.scale)  # so that Snakemake notices when params/ change


def _draw(parsed: argparse.Namespace) -> None:
    from acnet.report.report import Report
    from acnet.report.scale import scale_info

    settings = campaign(parsed)
    if getattr(parsed, "run", None) is not None:
        settings.require_gates(parsed.results_root, parsed.run)
    module, function, *_ = _DRAWN[parsed.drawn]
    write = getattr(importlib.import_module(f"acnet.report.{module}"), function)
    roots = (parsed.params_root, parsed.results_root, parsed.reports_root, parsed.data_root, parsed.logs_root)
    asked = {key: vars(parsed)[key] for key in ("name", "run", "published") if vars(parsed).get(key) is not None}
    write(report=Report(scale_info(settings, parsed.results_root), *roots), **asked)
