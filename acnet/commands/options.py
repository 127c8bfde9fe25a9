"""What several commands share: options, and the campaign they name."""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acnet.params.campaign import Campaign


def command(
    parent, name: str, run: Callable[[argparse.Namespace], None], text: str, in_project: bool = True
) -> argparse.ArgumentParser:
    """Add a command that calls `run`; `text` is its one-line help; `in_project` whether it needs params/."""
    made = parent.add_parser(name, help=text, description=text)
    made.set_defaults(command=run, in_project=in_project)
    return made


def group(parent, name: str, text: str):
    """Add a command that has commands of its own, and return where they are added."""
    made = parent.add_parser(name, help=text, description=text)
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True)


def scale_option(parser: argparse.ArgumentParser) -> None:
    """--scale"""
    parser.add_argument("--scale", default="mini", help="a file of params/scales/ (mini)")


def json_option(parser) -> None:
    """--json"""
    parser.add_argument("--json", action="store_true", help="print JSON (docs/reference/json.md) instead of text")


def print_json(value: Any) -> None:
    """Print `value` as JSON; NaN is none."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def run_params_option(parser: argparse.ArgumentParser) -> None:
    """--params"""
    parser.add_argument("--params", type=Path, required=True, help="results/{scale}/{run}/seed{n}/params.yaml")


def whole(low: int) -> Callable[[str], int]:
    """The type of an option that is a whole number from `low` up."""

    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least {low}")
        return int(text)

    return convert


def positive(text: str) -> float:
    """The type of an option that is a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return number


def seed_asked(parsed: argparse.Namespace, settings: Campaign) -> int:
    """The seed that the command line names, or else the scale's first."""
    return settings.scale.seeds[0] if parsed.seed is None else parsed.seed


def campaign(parsed: argparse.Namespace, scale: str | None = None) -> Campaign:
    """params/ at the scale that the command line, or `scale`, names."""
    return Campaign(parsed.params_root, scale or parsed.scale)
