"""The loss curve of a training."""

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acnet.files import replacing
from acnet.provenance import now
from acnet.train.step import PARTS

POINTS = 200  # of a curve
COLUMNS = ("step", "epoch", "loss", "main_loss", "auxiliary_loss", "learning_rate", "kept")


class History:
    """The curve so far, and the time spent.

    `rows` hold COLUMNS, of which the losses are means over the steps since the row before, then every alpha and beta
    after the step, and the seconds so far.
    """

    def __init__(self, steps: int, steps_per_epoch: int):
        self.rows: list[dict[str, Any]] = []
        self.started = now()
        self._steps, self._steps_per_epoch = steps, steps_per_epoch
        self._interval = max(1, steps // POINTS)
        self._sums: Tensor | None = None
        self._first_bad: Tensor | None = None
        self._clock = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the training has taken so far, interruptions excluded."""
        return time.monotonic() - self._clock

    def state_dict(self) -> dict[str, Any]:
        """What a training state needs."""
        return {"rows": self.rows, "sums": self._sums, "seconds": self.seconds, "started": self.started}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue the curve that a training state holds."""
        self.rows, self._sums, self.started = state["rows"], state["sums"], state["started"]
        self._clock = time.monotonic() - state["seconds"]

    def add(self, step: int, losses: Tensor) -> None:
        """Count `step` with these losses PARTS, without waiting for the device."""
        self._sums = losses if self._sums is None else self._sums.to(losses.device) + losses
        bad = torch.where(torch.isfinite(losses[0]), -1, step)
        self._first_bad = bad if self._first_bad is None else torch.where(self._first_bad < 0, bad, self._first_bad)

    def non_finite_step(self) -> int | None:
        """The first step since the last call whose loss was not finite; waits for the device."""
        step = -1 if self._first_bad is None else int(self._first_bad)
        self._first_bad = None
        return None if step < 0 else step

    def is_point(self, done: int) -> bool:
        """Whether a row is due after `done` steps."""
        return done % self._interval == 0 or done == self._steps

    def add_row(self, done: int, learning_rate: float, scalars: Mapping[str, float]) -> None:
        """Close a point of the curve after `done` steps, at which alpha and beta have the values `scalars`."""
        count = done % self._interval or self._interval
        means = dict(zip(PARTS, (self._sums / count).tolist(), strict=True))
        means = {name: None if math.isnan(value) else value for name, value in means.items()}
        self._sums = None
        epoch, seconds = done / self._steps_per_epoch, round(self.seconds, 3)
        losses = means["total"], means["main"], means["auxiliary"]
        row = dict(zip(COLUMNS, (done, epoch, *losses, learning_rate, means["kept"]), strict=True))
        self.rows.append({**row, **scalars, "seconds": seconds})

    def write(self, file: Path) -> None:
        """Write the curve as CSV."""
        with replacing(file) as temporary, open(temporary, "w", newline="") as handle:
            writer = csv.DictWriter(handle, list(self.rows[-1]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
