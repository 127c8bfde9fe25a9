"""The exceptions that end a command without a traceback."""

import importlib
from typing import Any


class AcnetError(Exception):
    """A mistake or a missing thing that the user can put right.

    The message is one line: which file, which key, what to do. The command line prints it without a
    traceback and exits with 2.
    """


class NonRetryableError(AcnetError):
    """Training again with the same parameters, code and data would fail in the same way."""


class Interrupted(Exception):
    """A signal asked the process to stop, and its state is saved; `signal` is the signal's number."""

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal


class TryAgain(Exception):
    """The work is saved but not done; the same command resumes there. The command line exits with 75."""


def optional(module: str, extra: str) -> Any:
    """The `module` of a package that only the `extra` of pyproject.toml installs; AcnetError without it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise AcnetError(
            f"{package}: not installed; in the project's folder, pip install '.[{extra}]' installs it"
        ) from error
