"""What several commands share: options, and the campaign they name."""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acnet.params.campaign import Campaign

_SHARED = {
    "--scale": {"default": "mini", "help": "a scale, that is a file of params/scales/ (default: %(default)s)"},
    "--json": {"action": "store_true", "help": "print JSON (docs/reference/json.md) instead of text"},
    "--params": {"type": Path, "required": True, "help": "results/{scale}/{run}/seed{n}/params.yaml"},
}


def command(
    parent, name: str, run: Callable[[argparse.Namespace], None], text: str, *shared: str, in_project: bool = True
) -> argparse.ArgumentParser:
    """Add a command that calls `run`, with `shared` options.

    `text` is its one-line help; `in_project` whether it needs params/.
    """
    made = parent.add_parser(name, help=text, description=text)
    made.set_defaults(command=run, in_project=in_project)
    share(made, *shared)
    return made


def share(parser, *names: str) -> None:
    """Add options of _SHARED."""
    for name in names:
        parser.add_argument(name, **_SHARED[name])


def group(parent, name: str, text: str):
    """Add a command that has commands of its own, and return where they are added."""
    made = parent.add_parser(name, help=text, description=text)
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True)


def print_json(value: Any) -> None:
    """Print `value` as JSON. Raises ValueError for NaN."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


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


def campaign(parsed: argparse.Namespace, scale: str | None = None) -> Campaign:
    """params/ at the scale that the command line, or `scale`, names."""
    return Campaign(parsed.params_root, scale or parsed.scale)


def seed_asked(parsed: argparse.Namespace, settings: Campaign) -> int:
    """The seed that the command line names, or else the scale's first."""
    return settings.scale.seeds[0] if parsed.seed is None else parsed.seed


def trained(parsed: argparse.Namespace) -> tuple[Campaign, int, Path]:
    """The campaign, the seed and the folder of the run that --run names; AcnetError if it is not trained here."""
    settings = campaign(parsed)
    seed = seed_asked(parsed, settings)
    return settings, seed, settings.trained_folder(parsed.results_root, parsed.run, seed)
