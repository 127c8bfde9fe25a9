"""Batches of training samples, prefetched by threads."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from acnet.data.training import TrainingSamples


def batches(
    samples: TrainingSamples, batch: int, start: int, stop: int, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (N, 3, h, w) float32 and labels (N, h, w) int64 of the steps `start` to `stop`.

    Step s takes the samples s * batch to (s + 1) * batch, each a function of the seed and its number alone: neither
    `workers` nor where a run was resumed changes a batch. Two batches are read ahead.
    """
    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead: deque = deque()
        following = start
        while following < stop or ahead:
            while following < stop and len(ahead) < 3:
                numbers = range(following * batch, (following + 1) * batch)
                ahead.append([pool.submit(samples.__getitem__, number) for number in numbers])
                following += 1
            images, labels, _ = zip(*(future.result() for future in ahead.popleft()), strict=True)
            yield torch.stack(images), torch.stack(labels).long()
