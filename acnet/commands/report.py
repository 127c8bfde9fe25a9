"""acnet report: tables, figures, claims and the page, from the runs at hand."""

import argparse
import importlib

from acnet.commands.options import campaign, command, group, scale_option

# name: (module of acnet.report, function, help, takes a name)
_DRAWN = {
    "cells": ("cells", "write_cells", "write the cells of all tables as cells.csv, which claims and page read", False),
    "table": ("tables", "write_table", "draw one table as CSV, Markdown and LaTeX", True),
    "figure": ("figures", "write_figure", "draw one figure as PNG and PDF", True),
    "curves": ("figures", "write_curves", "draw the training curves as PNG and PDF", False),
    "gates": ("gates", "write_gates", "draw where the gates are large, as PNG, PDF and CSV", False),
    "claims": ("claims", "write_claims", "write the verdict on each of the paper's claims", False),
    "page": ("page", "write_page", "write the page with all tables, figures and claims", False),
    "publish": ("publish", "publish", "copy what may be published to reports/published", False),
}


def add(commands) -> None:
    """Add the commands to the parser."""
    report = group(commands, "report", "draw tables, figures, claims and the page from the finished runs")
    for name, (_, _, text, takes_name) in _DRAWN.items():
        made = command(report, name, _draw, text)
        made.set_defaults(drawn=name)
        scale_option(made)
        if takes_name:
            made.add_argument("name", help=f"such as {name}1")
        if name == "gates":
            made.add_argument("--run", help="only this run, written to figures/gates_RUN")


def _draw(parsed: argparse.Namespace) -> None:
    from acnet.report.scale import scale_info

    settings = campaign(parsed)
    more = {}
    if getattr(parsed, "run", None) is not None:
        settings.require_gates(parsed.results_root, parsed.run)
        more["run"] = parsed.run
    module, function, _, takes_name = _DRAWN[parsed.drawn]
    write = getattr(importlib.import_module(f"acnet.report.{module}"), function)
    if parsed.drawn in ("page", "publish"):
        more["data_root"] = parsed.data_root
    write(
        *([parsed.name] if takes_name else []),
        scale_info(settings),
        params_root=parsed.params_root,
        results_root=parsed.results_root,
        out_root=parsed.reports_root,
        **more,
    )
