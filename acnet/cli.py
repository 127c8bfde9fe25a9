"""Run the steps of the ACNet pipeline by hand. Every step reads files and writes files."""

import argparse
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from acnet.errors import AcnetError, Interrupted, TryAgain

_ROOTS = {
    "params": "the parameters",
    "data": "the prepared data",
    "results": "the runs",
    "reports": "the reports",
    "logs": "the logs",
}
_FIRST = """\
acnet trains and evaluates the networks of "Adaptive Context Network for Scene Parsing". To start:

  make reproduce                   every table and figure from generated data, in ten minutes, into reports/mini
  acnet status                     the state of every run
  acnet trace table3 r50_acb3      where a number comes from, and the commands that reproduce it

`acnet --help` lists every command; README.md describes the project."""
_STOPPED = "interrupted; the same command starts again or resumes"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the status is 0, 2 after a user's mistake, 75 if it must be re-run, or 128 + signal."""
    sys.stdout.reconfigure(errors="backslashreplace")  # a path need not be UTF-8
    try:
        with _stoppable():
            parsed = parser().parse_args(arguments)
            _check_place(parsed)
            parsed.command(parsed)
            sys.stdout.flush()  # a closed pipe raises BrokenPipeError here, not while Python exits
        return 0
    except AcnetError as error:
        return _fail(str(error), 2)
    except Interrupted as stopped:
        return _fail(str(stopped), 128 + stopped.signal)
    except TryAgain as unfinished:
        return _fail(str(unfinished), os.EX_TEMPFAIL)
    except KeyboardInterrupt as stopped:
        return _fail(_STOPPED, 128 + (stopped.args[0] if stopped.args else signal.SIGINT))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python does not flush the pipe at exit
        return 128 + signal.SIGPIPE
    except OSError as error:
        return _fail(_said_by_the_system(error), 2)


def _check_place(parsed: argparse.Namespace) -> None:
    """Raise AcnetError in a checkout whose code does not run here, and outside of a project."""
    package = Path(__file__).resolve().parent
    if Path("Snakefile").is_file() and Path("acnet/cli.py").is_file() and not package.samefile("acnet"):
        raise AcnetError(
            f"{Path.cwd()} is a checkout of its own, but this environment runs the code of {package.parent}; "
            f"run `make venv` here, or `export PYTHONPATH={Path.cwd()}`"
        )
    if parsed.in_project and not parsed.params_root.is_dir():
        raise AcnetError(
            f"{parsed.params_root}: no such folder here; run acnet in the project's folder, or name it: "
            "acnet --params-root PROJECT/params ..."
        )


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt, unless this process was started with them ignored."""
    former = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                former[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            # Some packages swallow exceptions while they are imported; nothing has been written yet.
            os._exit(_fail(_STOPPED, 128 + number))
        frame = frame.f_back
    raise KeyboardInterrupt(number)


def _said_by_the_system(error: OSError) -> str:
    """The line for a file that cannot be written or read; an error without a file is raised unchanged."""
    from acnet.files import no_room

    if refusal := no_room(error, error.filename or "disk"):
        return str(refusal)
    if not error.filename:
        raise error
    return f"{error.filename}: {os.strerror(error.errno).lower()}"


def _fail(message: str, status: int) -> int:
    line = " ".join(message.split())
    with contextlib.suppress(OSError):  # the log may lie on the full disk
        print(f"acnet: {line}", file=sys.stderr, flush=True)
    return status


class _Parser(argparse.ArgumentParser):
    """A parser that says one line, like every other mistake; --ye is not --yes.

    Its --help puts a heading before those of its commands that `headings` has.
    """

    def __init__(self, **options: Any):
        super().__init__(**{"allow_abbrev": False, **options})
        self.headings: dict[str, str] = {}

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            from acnet.params.schema import nearest  # YAML, which Ctrl-C may interrupt

            raise argparse.ArgumentError(action, f"invalid choice: '{value}'{nearest(value, action.choices)}")

    def format_help(self) -> str:
        text = super().format_help()
        for name, heading in self.headings.items():
            text = re.sub(rf"(?m)^    (?=\S*{name}\b)", f"\n  {heading}\n    ", text, count=1)
        return text


def parser() -> argparse.ArgumentParser:
    """The parser of `acnet`, which shtab also turns into shell completion."""
    from acnet import __version__
    from acnet.commands import data, evaluate, plan, report, submit, track, train

    parts = {
        data: "datasets and backbones: acnet data show mini_cityscapes --index 3 --open",
        train: "training: acnet train --params results/mini/acb3/seed0/params.yaml",
        evaluate: "trained networks: acnet predict --run acb3 photo.jpg",
        submit: "test servers: acnet submit cityscapes --run r101_ohem_trainval --scale paper",
        plan: "cost: acnet plan --scale paper --tflops 37.5",
        track: "keeping and sharing: acnet trace table3 r50_acb3",
        report: "tables, figures, claims: acnet report table table3",
    }
    top = _Parser(prog="acnet", description=__doc__)
    top.add_argument("--version", action="version", version=f"acnet {__version__}")
    for root, what in _ROOTS.items():
        top.add_argument(
            f"--{root}-root", type=Path, default=Path(root), help=f"folder of {what} (default: %(default)s)"
        )
    top.set_defaults(command=lambda parsed: print(_FIRST), in_project=False)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", prog="acnet")
    for part, heading in parts.items():
        known = len(commands.choices)
        part.add(commands)
        top.headings[list(commands.choices)[known]] = heading
    return top
