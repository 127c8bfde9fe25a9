"""Batches of training samples, prefetched by threads."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from acnet.data.classes import IGNORE
from acnet.data.store import Store
from acnet.data.training import TrainingSamples
from acnet.device import default_device
from acnet.errors import AcnetError, NonRetryableError
from acnet.params.run import Run

_AHEAD = 3  # batches, the one in use included


def training_samples(run: Run, data: Path) -> TrainingSamples:
    """The samples that `run` learns from, of its dataset prepared in `data`."""
    train = run.train
    return TrainingSamples(
        [Store(data, split) for split in run.train_splits],
        crop=tuple(train.crop),
        base_size=train.base_size,
        scale_range=tuple(train.scale_range),
        flip=train.flip,
        seed=run.seed,
        batch=train.batch,
    )


def share(batch: int, accumulate: int, rank: int, world_size: int) -> list[int]:
    """The images of a global batch that process `rank` takes, micro-batch after micro-batch.

    Each micro-batch is split over the processes, so that BN and OHEM see the same images whatever their number:
    share(8, 2, rank=1, world_size=2) is [2, 3, 6, 7]. AcnetError if the batch cannot be split.
    """
    if batch % (world_size * accumulate):
        raise AcnetError(
            f"train.batch: {batch} cannot be split into {accumulate} micro-batches (train.accumulate) over "
            f"{world_size} processes; choose numbers whose product divides it"
        )
    micro, own = batch // accumulate, batch // accumulate // world_size
    return [m * micro + rank * own + i for m in range(accumulate) for i in range(own)]


def batches(
    samples: TrainingSamples, run: Run, start: int, stop: int, indices: Sequence[int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (N, 3, h, w) float32 and labels (N, h, w) int64 of the steps `start` to `stop`; of each batch `indices`.

    Step s takes the samples s * batch to (s + 1) * batch, each a function of the seed and its number alone: neither
    the number of threads nor where a run was resumed changes a batch. With a GPU they lie in page-locked memory.
    Raises NonRetryableError for a label beyond the classes, AcnetError for files that have vanished or shrunk.
    """
    batch, pin = run.train.batch, default_device().type == "cuda"

    def sample(number: int) -> tuple[Tensor, Tensor]:
        for store in samples.stores:
            store.refuse_changed()
        image, label, name = samples[number]
        label = label.long()
        largest = int(torch.where(label == IGNORE, -1, label).max())
        if largest >= run.classes:
            raise NonRetryableError(
                f"image {name}: its label has class {largest}, the run has {run.classes}; prepare the data again"
            )
        return image, label

    def assemble(parts: list[Future]) -> tuple[Tensor, Tensor]:
        images, labels = zip(*(part.result() for part in parts), strict=True)
        stacked = torch.stack(images), torch.stack(labels)
        return tuple(tensor.pin_memory() for tensor in stacked) if pin else stacked

    with ThreadPoolExecutor(run.train.threads) as readers, ThreadPoolExecutor(1) as assembler:
        ahead: deque[Future] = deque()
        step = start
        while step < stop or ahead:
            while step < stop and len(ahead) < _AHEAD:
                numbers = [step * batch + index for index in indices]
                ahead.append(assembler.submit(assemble, [readers.submit(sample, number) for number in numbers]))
                step += 1
            yield ahead.popleft().result()
