"""Batches of training samples, prefetched by threads."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from acnet.data.classes import VOID
from acnet.data.training import TrainingSamples
from acnet.train.failure import Incurable

_AHEAD = 3  # batches, the one in use included


def batches(
    samples: TrainingSamples,
    batch: int,
    start: int,
    stop: int,
    workers: int,
    *,
    positions: Sequence[int] | None = None,
    classes: int | None = None,
    pin: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (N, 3, h, w) float32 and labels (N, h, w) int64 of the steps `start` to `stop`.

    Step s takes the samples s * batch to (s + 1) * batch, each a function of the seed and its number alone: neither
    `workers` nor where a run was resumed changes a batch. Of each batch only `positions` are read (all, if None);
    `pin` puts them in page-locked memory. Raises Incurable for a label beyond `classes`, AcnetError for files that
    have vanished or shrunk.
    """
    positions = range(batch) if positions is None else positions

    def sample(number: int) -> tuple[Tensor, Tensor]:
        for store in samples.stores:
            store.refuse_changed()
        image, label, name = samples[number]
        label = label.long()
        largest = int(torch.where(label == VOID, -1, label).max())
        if classes is not None and largest >= classes:
            raise Incurable(
                f"image {name}: its label has class {largest}, the run has {classes}; prepare the data again"
            )
        return image, label

    def assemble(parts: list[Future]) -> tuple[Tensor, Tensor]:
        images, labels = zip(*(part.result() for part in parts), strict=True)
        stacked = torch.stack(images), torch.stack(labels)
        return tuple(tensor.pin_memory() for tensor in stacked) if pin else stacked

    with ThreadPoolExecutor(max(1, workers)) as readers, ThreadPoolExecutor(1) as assembler:
        ahead: deque[Future] = deque()
        following = start
        while following < stop or ahead:
            while following < stop and len(ahead) < _AHEAD:
                numbers = [following * batch + position for position in positions]
                ahead.append(assembler.submit(assemble, [readers.submit(sample, number) for number in numbers]))
                following += 1
            yield ahead.popleft().result()
