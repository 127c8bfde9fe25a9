"""The processes of one training, as torchrun starts them; one process alone needs none of it."""

import dataclasses
import datetime
import os
from typing import Any

import torch
from torch import Tensor

from acnet.errors import AcnetError

# A peer that died is noticed at once on a CPU and ended by torchrun; this bounds what nobody notices.
_PATIENCE = datetime.timedelta(minutes=10)


@dataclasses.dataclass(frozen=True)
class Processes:
    """This process's `rank` of `size`, and its rank on this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @classmethod
    def from_environment(cls) -> "Processes":
        """What torchrun says; one process without it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        return cls(*(int(os.environ.get(name, default)) for name, default in zip(names, (0, 1, 0), strict=True)))

    @property
    def group(self) -> str:
        """A name that the processes of one torchrun share and others do not."""
        if self.size == 1:
            return ""
        return f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"

    def __enter__(self) -> "Processes":
        if self.size > 1:
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            torch.distributed.init_process_group(backend, timeout=_PATIENCE)
        return self

    def __exit__(self, kind: type | None, *_: Any) -> None:
        # After an error the peers may be gone, and a farewell would wait for them.
        if self.size > 1 and kind is None:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor

    def gathered(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, of equal size, one after another."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        torch.distributed.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)

    def from_first(self, value: Any) -> Any:
        """The first process's `value`, a plain object."""
        if self.size == 1:
            return value
        box = [value]
        torch.distributed.broadcast_object_list(box, src=0)
        return box[0]

    def share(self, batch: int, accumulate: int) -> list[int]:
        """This process's positions in a global batch, micro-batch after micro-batch; AcnetError if it cannot be split.

        Each micro-batch is split over the processes, so that BN and OHEM see the same images whatever their number.
        """
        if batch % (self.size * accumulate):
            raise AcnetError(
                f"train.batch: {batch} cannot be split into {accumulate} micro-batches (train.accumulate) over "
                f"{self.size} processes; choose numbers whose product divides it"
            )
        micro, mine = batch // accumulate, batch // accumulate // self.size
        return [m * micro + self.rank * mine + i for m in range(accumulate) for i in range(mine)]
