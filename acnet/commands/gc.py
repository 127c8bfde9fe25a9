"""acnet gc: what may go, what that frees, and its removal."""

import argparse
from pathlib import Path

from acnet.commands.options import command
from acnet.track.litter import KINDS, NAMED, USUAL


def add(commands) -> None:
    """Add the command to the parser."""
    gc = command(commands, "gc", _gc, "list files that no table, run or row needs; --yes removes them")
    known = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
    gc.add_argument(
        "kinds", nargs="*", metavar="KIND", help=f"only these kinds (default: all except {', '.join(NAMED)}). {known}"
    )
    gc.add_argument("--yes", action="store_true", help="remove the listed files")


def _gc(parsed: argparse.Namespace) -> None:
    from acnet.progress import size
    from acnet.track.cleanup import clean
    from acnet.track.repository import Unavailable

    freed, count, note = 0, 0, ""
    roots = {"data": parsed.data_root, "results": parsed.results_root, "logs": parsed.logs_root}
    try:
        for found in clean(parsed.params_root, parsed.kinds, Path.cwd(), **roots, really=parsed.yes):
            print(f"{found.kind:<7} {size(found.size):>9}  {_shown(found.name)}: {found.why}")
            freed, count = freed + found.size, count + 1
    except Unavailable as reason:
        note = f"; no more was looked at: {reason}"
    if not parsed.kinds and not parsed.yes:
        note += f"; {', '.join(NAMED)} only where named: acnet gc {NAMED[0]}"
    if not count:
        print(f"nothing to remove of: {', '.join(parsed.kinds or USUAL)}{note}")
    elif parsed.yes:
        print(f"removed {count}, {size(freed)} freed{note}")
    else:
        print(f"{count} may go, {size(freed)} in all; nothing is removed without --yes{note}")


def _shown(name: str) -> str:
    """A path from here, with a / behind a folder; any other name as it is."""
    path = Path(name)
    if not path.is_dir():
        return name
    here = path.resolve().relative_to(Path.cwd()) if path.resolve().is_relative_to(Path.cwd()) else path
    return f"{here}/"
