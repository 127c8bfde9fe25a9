"""torch.distributed for one training: collectives that do nothing where one process trains alone."""

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

# torchrun ends the others when a process dies; this bounds what it does not notice.
_TIMEOUT = datetime.timedelta(minutes=10)


@contextlib.contextmanager
def process_group(size: int) -> Iterator[None]:
    """Join the `size` processes that torchrun started; nothing to join for one."""
    if size > 1:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        torch.distributed.init_process_group(backend, timeout=_TIMEOUT)
    yield
    if size > 1:  # not after an error: the others may be gone, and a barrier would hang
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def rank() -> int:
    """This process's number among those of the training."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def world_size() -> int:
    """How many processes the training has."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def summed(tensor: Tensor) -> Tensor:
    """The sum over the processes, in place."""
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(tensor)
    return tensor


def gathered(tensor: Tensor) -> Tensor:
    """The tensors (N, ...) of all processes, of equal size, one after another by rank."""
    if not torch.distributed.is_initialized():
        return tensor
    parts = [torch.empty_like(tensor) for _ in range(world_size())]
    torch.distributed.all_gather(parts, tensor.contiguous())
    return torch.cat(parts)


def from_first(value: Any) -> Any:
    """The `value` of rank 0, a plain object."""
    box = [value]
    if torch.distributed.is_initialized():
        torch.distributed.broadcast_object_list(box, src=0)
    return box[0]
