"""Errors that a retry cannot cure: remembered, so that the retry fails at once."""

from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import digest, read_json, write_json
from acnet.params.run import Run
from acnet.provenance import source_hash

FILE = "failure.json"


class Incurable(AcnetError):
    """Training again with the same parameters, code and data would fail in the same way."""


def circumstances(run: Run, data: list[Path]) -> str:
    """A digest of everything that could cure a failure: parameters, code, and the data's manifests."""
    return digest({"params": run.values(), "code": source_hash(), "data": [file.read_text() for file in data]})


def remember(resume: Path, message: str, under: str) -> None:
    """Write down that training failed with `message` under these circumstances."""
    write_json(resume / FILE, {"message": message, "circumstances": under})


def recorded(resume: Path) -> dict[str, str] | None:
    """The failure on record: message and circumstances; None without one."""
    return read_json(resume / FILE) if (resume / FILE).exists() else None


def refuse_retry(resume: Path, under: str) -> None:
    """AcnetError if training failed before under the same circumstances; a failure under others is forgotten."""
    failure = recorded(resume)
    if failure is None:
        return
    if failure["circumstances"] != under:
        (resume / FILE).unlink()
        return
    raise AcnetError(
        f"failed before, and would again: {failure['message']} (change the parameters or the data, or delete "
        f"{resume / FILE} to try all the same)"
    )
