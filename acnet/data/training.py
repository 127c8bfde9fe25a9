"""The endless, reproducible sequence of training samples."""

import numpy as np
import torch

from acnet.data.store import Store
from acnet.data.transforms import Augmentation, augment
from acnet.errors import AcnetError

_ORDER, _SAMPLE = 0, 1  # separate random streams for an epoch's order and a sample's augmentation


class TrainingSamples(torch.utils.data.Dataset):
    """Sample number k of a training: a function of (seed, k) alone, whatever worker or process asks for it.

    An epoch is a permutation of all images of `stores`, its last incomplete batch dropped. With fewer images
    than one batch the permutation is repeated to fill it.
    """

    def __init__(
        self,
        stores: list[Store],
        crop: tuple[int, int],
        base_size: int | None,
        scale_range: tuple[float, float],
        flip: float,
        seed: int,
        batch: int,
    ):
        for store in stores:
            if not store.labelled:
                raise AcnetError(f"{store.folder}: split '{store.split}' has no labels and cannot be trained on")
        self.stores = stores
        self.augmentation = Augmentation(tuple(crop), base_size, tuple(scale_range), flip)
        self.seed = seed
        self.images = sum(len(store) for store in stores)
        self.steps_per_epoch = max(1, self.images // batch)
        self.samples_per_epoch = self.steps_per_epoch * batch
        self._ends = np.cumsum([len(store) for store in stores])
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def __len__(self) -> int:
        """Samples of one epoch; numbers beyond it belong to the following epochs."""
        return self.samples_per_epoch

    def __getitem__(self, k: int) -> tuple[torch.Tensor, torch.Tensor, str]:
        """Image float32 (3, h, w), label int64 (h, w) with 255 (ignore), and the image's name."""
        epoch, offset = divmod(int(k), self.samples_per_epoch)
        index = int(self._epoch_order(epoch)[offset])
        which = int(np.searchsorted(self._ends, index, side="right"))
        store = self.stores[which]
        index -= int(self._ends[which]) - len(store)
        image, label = augment(
            store.image(index), store.label(index), self.augmentation, self._generator(_SAMPLE, int(k))
        )
        return image, label, store.names[index]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        held, order = self._order
        if held != epoch:
            order = np.resize(self._generator(_ORDER, epoch).permutation(self.images), self.samples_per_epoch)
            self._order = (epoch, order)  # one assignment, so that threads see a consistent pair
        return order

    def _generator(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(stream, number)))
