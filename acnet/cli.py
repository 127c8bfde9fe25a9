"""The command `acnet`: each step of the pipeline by hand, with files in and files out."""

import argparse
import errno
import signal
import sys
from pathlib import Path

from acnet import __version__
from acnet.commands import data, evaluate, report, train
from acnet.errors import AcnetError, Interrupted

_ROOTS = {"params": "the parameters", "data": "the prepared data", "results": "the runs", "reports": "the reports"}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 2 after a user's mistake, or 128 + signal."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.command(parsed)
        return 0
    except AcnetError as error:
        return _fail(str(error), 2)
    except Interrupted as stopped:
        return _fail(str(stopped), 128 + stopped.signal)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing half-written is left", 128 + signal.SIGINT)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _fail(f"{error.filename or 'disk'}: no space left; free some and run the same command again", 2)
        raise


def _fail(message: str, status: int) -> int:
    print(f"acnet: {message}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="acnet", description=__doc__)
    parser.add_argument("--version", action="version", version=f"acnet {__version__}")
    for root, what in _ROOTS.items():
        parser.add_argument(f"--{root}-root", type=Path, default=Path(root), help=f"folder of {what} ({root})")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in (data, train, evaluate, report):
        part.add(commands)
    return parser
