"""Where a training stands, and its curve so far."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from acnet.provenance import now
from acnet.train.step import PARTS

HISTORY = ("step", "epoch", "loss", "main_loss", "auxiliary_loss", "learning_rate", "kept", "seconds")


@dataclasses.dataclass
class Position:
    """The next step, the curve so far and the sums of its next point, the seconds spent, when it began."""

    step: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    sums: Tensor | None = None
    seconds: float = 0.0
    started: str = dataclasses.field(default_factory=now)
    first_bad: Tensor | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any], device: torch.device) -> "Position":
        """The position that a state saved."""
        made = cls(**state)
        made.sums = None if made.sums is None else made.sums.to(device)
        return made

    def saved(self) -> dict[str, Any]:
        """What a state needs; only sound positions are saved, so a bad step is none of it."""
        return {**vars(self), "first_bad": None}

    def add(self, losses: Tensor) -> None:
        """Count a step with these losses, without waiting for the device."""
        self.sums = losses if self.sums is None else self.sums + losses
        bad = torch.where(torch.isfinite(losses[0]), -1, self.step)
        self.first_bad = bad if self.first_bad is None else torch.where(self.first_bad < 0, bad, self.first_bad)
        self.step += 1

    def bad_step(self) -> int | None:
        """The first step since the last question whose loss was not finite; this waits for the device."""
        step = -1 if self.first_bad is None else int(self.first_bad)
        self.first_bad = None
        return None if step < 0 else step

    def close_point(self, steps_per_epoch: int, interval: int, rate: float) -> dict[str, Any]:
        """Make the sums a point of the curve: means over its steps."""
        count = self.step % interval or interval
        means = dict(zip(PARTS, (self.sums / count).tolist(), strict=True))
        self.sums = None
        row = {
            "step": self.step,
            "epoch": self.step / steps_per_epoch,
            "loss": means["total"],
            "main_loss": means["main"],
            "auxiliary_loss": _present(means["auxiliary"]),
            "learning_rate": rate,
            "kept": _present(means["kept"]),
            "seconds": round(self.seconds, 3),
        }
        self.history.append(row)
        return row


def _present(value: float) -> float | None:
    return None if math.isnan(value) else value
