"""One writer at a time, however many processes ask."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from acnet.files import held

RECORD, PUBLISH, RESTORE = (Path(f".dvc/tmp/acnet-{name}.lock") for name in ("record", "publish", "restore"))


@contextlib.contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold `file` locked; wait, saying so once, while another process does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with held(file, f"another process holds {file}; waiting for it", wait=True):
        yield
