"""A trained run with the images it is evaluated on."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import nn

from acnet.data.classes import load as load_classes
from acnet.data.store import Store
from acnet.device import settle
from acnet.errors import AcnetError
from acnet.evaluate.inference import gates, label_map
from acnet.evaluate.network import load_network
from acnet.params.protocols import Protocol
from acnet.params.run import Run


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network in eval mode, its evaluation split and the names of its classes."""

    network: nn.Module
    store: Store
    names: list[str]
    device: torch.device
    align_corners: bool
    checkpoint: Path

    def label_map(self, index: int, protocol: Protocol) -> np.ndarray:
        """The predicted class of each pixel of image `index`: (H, W) uint8."""
        return label_map(
            self.network,
            self.store.image(index),
            protocol,
            len(self.names),
            self.device,
            align_corners=self.align_corners,
            name=self._name(index),
        )

    def gates(self, index: int, protocol: Protocol) -> list[np.ndarray]:
        """The gates of the whole image `index`, each (h, w) float32."""
        return gates(self.network, self.store.image(index), protocol, self.device, self._name(index))

    def _name(self, index: int) -> str:
        return f"{self.checkpoint}: image {self.store.names[index]}"


def open_trained(run: Run, checkpoint: Path, data_root: Path) -> Trained:
    """Open what `run` evaluates: `checkpoint` on its evaluation split under `data_root`.

    Raises AcnetError for data that is not prepared and for a checkpoint that is missing or of another network.
    """
    device = settle(run.train.threads)
    names = list(load_classes(run.reader).names)
    if len(names) != run.classes:
        raise AcnetError(
            f"params.yaml: classes: {run.classes}, but reader {run.reader} has {len(names)}; resolve the run again"
        )
    store = Store(data_root / run.dataset, run.evaluate_split)
    network = load_network(run, checkpoint, device)
    return Trained(network, store, names, device, run.model.align_corners, checkpoint)
