"""What can be watched of a training: the validation curve and TensorBoard's event files. Neither changes a weight."""

import csv
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from acnet.data.classes import IGNORE, class_table
from acnet.data.palette import coloured, heat
from acnet.data.store import Store, read_manifest
from acnet.data.transforms import normalise
from acnet.errors import optional
from acnet.evaluate.counts import confusion
from acnet.evaluate.metrics import summary
from acnet.files import write_text
from acnet.model import steer_gates
from acnet.params.run import Run
from acnet.precision import autocast

VALIDATION, EVENTS = "validation.csv", "events"
_SHOWN, _HEIGHT = 4, 256  # images whose predictions are among the events, and their height in pixels at most


class Watch:
    """Follows a training of so many `steps` from step `start` on; `folder` is the run's, `data` that of its dataset.

    `parts` hold the network and the history, as in a training state.
    """

    def __init__(self, run: Run, folder: Path, data: Path, parts: Mapping[str, Any], start: int, steps: int):
        self._run, self._folder, self._steps = run, folder, steps
        self._network, self._history = parts["network"], parts["history"]
        self._every, self._store = run.train.validate_every * (steps // run.train.epochs), None
        if self._every:
            split = "val" if "val" in read_manifest(data)["splits"] else run.evaluate_split
            self._store = Store(data, split) if split not in run.train_splits else None
        self._kept = folder / "resume" / VALIDATION
        before = csv.DictReader(io.StringIO(self._kept.read_text() if self._kept.exists() else ""))
        self._rows: list[dict[str, Any]] = [row for row in before if int(row["step"]) <= start]
        self._writer = None
        if run.train.tensorboard:
            if not start:
                shutil.rmtree(folder / EVENTS, ignore_errors=True)  # of an earlier training
            optional("tensorboard", "watch")
            from torch.utils.tensorboard import SummaryWriter

            # What was written after step `start`, before a resumption, no longer counts.
            self._writer = SummaryWriter(folder / EVENTS, purge_step=start + 1)

    def after_step(self, done: int) -> None:
        """Write what `done` steps have added: a point of the curve, a validation."""
        rows = self._history.rows
        if self._writer and rows and rows[-1]["step"] == done:
            self._add({f"train/{name}": rows[-1][name] for name in rows[-1] if name not in ("step", "seconds")}, done)
        if self._store and (done % self._every == 0 or done == self._steps):
            self._validate(done)

    def finish(self) -> None:
        """Leave the validation curve, where there is one, beside the history."""
        (self._folder / VALIDATION).unlink(missing_ok=True)
        if self._rows:
            write_text(self._folder / VALIDATION, self._kept.read_text())

    def _validate(self, done: int) -> None:
        """Score every image of the split, whole and at its own size, by mean cross-entropy, mIoU and pixel accuracy."""
        run, names = self._run, class_table(self._run).names
        total, loss = np.zeros((run.classes, run.classes), np.int64), 0.0
        device = next(self._network.parameters()).device
        self._network.eval()
        with torch.no_grad():
            for index in range(len(self._store)):
                image, label = self._store.image(index), self._store.label(index)
                steer_gates(self._network, [index])
                with autocast(device, run.train.precision):
                    output = self._network(normalise(image)[None].to(device))
                target = torch.from_numpy(label.astype(np.int64))[None].to(device)
                loss += F.cross_entropy(output["logits"], target, ignore_index=IGNORE, reduction="sum").item()
                guess = output["logits"][0].argmax(0).byte().cpu().numpy()
                total += confusion(label, guess, run.classes)
                if self._writer and index < _SHOWN:
                    self._show(index, image, [label, guess], output["gates"], done)
        self._network.train()
        scores = summary(total, names, run.reader)
        row = {"loss": loss / max(1, total.sum()), "miou": scores["miou"], "pixacc": scores["pixacc"]}
        self._add({f"validation/{name}": value for name, value in row.items()}, done)
        self._rows.append({"step": done, "epoch": done * run.train.epochs / self._steps, **row})
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self._rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self._kept, text.getvalue())

    def _add(self, scalars: Mapping[str, float | None], done: int) -> None:
        if self._writer:
            for name, value in scalars.items():
                if value is not None:
                    self._writer.add_scalar(name, value, done)
            self._writer.flush()

    def _show(self, index: int, image: np.ndarray, maps: list[np.ndarray], gates: list, done: int) -> None:
        """Image, label, prediction and gates side by side."""
        size, table = image.shape[1::-1], class_table(self._run)
        panels = [Image.fromarray(image), *(coloured(one, table) for one in maps)]
        panels += [heat(gate[0, 0].float().cpu().numpy()).resize(size) for gate in gates]
        sheet = Image.fromarray(np.concatenate([np.asarray(panel.convert("RGB")) for panel in panels], axis=1))
        sheet.thumbnail((sheet.width, _HEIGHT))
        self._writer.add_image(f"prediction/{self._store.names[index]}", np.asarray(sheet), done, dataformats="HWC")
