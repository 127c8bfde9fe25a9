"""acnet record, publish, restore, trace: what DVC and Git remember of runs."""

import argparse
import sys
from pathlib import Path

from acnet.commands.options import campaign, command, scale_option


def add(commands) -> None:
    """Add the commands to the parser."""
    record = command(commands, "record", _record, "make every finished run a DVC experiment of the current commit")
    scale_option(record)
    record.add_argument("--keep", action="store_true", help="keep the old row of a changed run, as NAME-TIME")


def _record(parsed: argparse.Namespace) -> None:
    from acnet.track.git import Unavailable
    from acnet.track.record import record

    try:
        done = record(campaign(parsed), parsed.results_root, Path.cwd(), parsed.keep)
    except Unavailable as reason:
        print(f"acnet: no runs recorded: {reason}", file=sys.stderr)
        return
    counts = ", ".join(f"{len(names)} {what}" for what, names in done.items() if names)
    print(f"recorded: {counts}; see dvc exp show" if counts else "no finished run to record", file=sys.stderr)
