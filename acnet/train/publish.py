"""What a finished training leaves: checkpoint.pt, history.csv, provenance.json."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acnet.checkpoint import write_tensors
from acnet.files import canonical, read_json, replacing, sha256, write_json, write_text
from acnet.params.run import Run
from acnet.provenance import now, provenance
from acnet.train.lock import FILE as LOCK
from acnet.train.parallel import Processes
from acnet.train.position import HISTORY, Position


def publish(
    run: Run,
    folder: Path,
    network: nn.Module,
    device: torch.device,
    processes: Processes,
    position: Position,
    **facts: Any,
) -> None:
    """Write what a run is judged by; the checkpoint last, since its presence says that the run is whole."""
    for leftover in folder.glob(".*.part"):
        leftover.unlink(missing_ok=True)  # of a process that was killed here
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(position.history)
    write_text(folder / "history.csv", text.getvalue())
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    described = {"run": run.name, "params": {**run.values()["model"], "classes": run.classes}}
    described = json.loads(canonical(described))  # a pickle also tells which equal texts are one object
    with replacing(folder / "checkpoint.pt") as temporary:
        write_tensors(temporary, {"network": weights, **described})
        made = provenance(
            run,
            params_hash=run.digest(),
            checkpoint_sha256=sha256(temporary),
            device=torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
            processes=processes.size,
            accumulate=run.train.accumulate,
            started=position.started,
            finished=now(),
            seconds=round(position.seconds, 1),
            **facts,
        )
        write_json(folder / "provenance.json", made)


def finished(folder: Path, run: Run) -> bool:
    """Whether these very parameters have been trained and everything is in place."""
    checkpoint, facts = folder / "checkpoint.pt", folder / "provenance.json"
    if not (checkpoint.exists() and facts.exists() and (folder / "history.csv").exists()):
        return False
    said = read_json(facts)
    return said["params_hash"] == run.digest() and said["checkpoint_sha256"] == sha256(checkpoint)


def clear(resume: Path) -> None:
    """Remove what a finished run needs no more: everything in `resume` but the lock, whose release follows."""
    for entry in resume.iterdir():
        if entry.name != LOCK:
            entry.unlink(missing_ok=True)
