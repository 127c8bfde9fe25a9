"""The device a process computes on, and its settings."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

from acnet.errors import AcnetError
from acnet.gpu_lease import lease
from acnet.params.config import TrainingConfig

# How the CPU's allocator and CUDA's libraries say that memory is short, each in its own error.
_SHORT = (
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def default_device() -> torch.device:
    """A GPU, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def set_up_device(threads: int) -> torch.device:
    """Give torch `threads` threads and kernels chosen alike each time; return a GPU, or the CPU where there is none.

    Of the GPUs that somebody has assigned (CUDA_VISIBLE_DEVICES), the process with torchrun's local rank r takes the
    r-th; every other process leases one of its own (acnet.gpu_lease).

    The thread count and the convolutions' algorithms change rounding, so they are the run's, not the machine's:
    cuDNN may not choose by timing, and float32 means float32, not TF32. AcnetError for more processes than GPUs.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if not torch.cuda.is_available():
        return torch.device("cpu")
    processes, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", 1)), torch.cuda.device_count()
    if processes > gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise AcnetError(
            f"--processes: {processes} processes on this machine, but {gpus} GPUs (CUDA_VISIBLE_DEVICES: {visible}); "
            "ask for as many processes as there are GPUs"
        )
    local, assigned = os.environ.get("LOCAL_RANK"), "CUDA_VISIBLE_DEVICES" in os.environ
    device = torch.device("cuda", int(local) if local and assigned else lease(gpus))
    torch.cuda.set_device(device)
    return device


def memory_ran_out(error: Exception) -> bool:
    """Whether an error says that memory is short, of whichever device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in str(error) for word in _SHORT)


@contextlib.contextmanager
def explain_out_of_memory(train: TrainingConfig) -> Iterator[None]:
    """AcnetError, saying which parameters to lower, should memory run out in training."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory_ran_out(error):
            raise
        height, width = train.crop
        lower = "increase train.accumulate (BN and OHEM see one micro-batch), or reduce train.batch or train.crop"
        halve = "" if train.precision != "float32" else "; or set train.precision to bfloat16"
        raise AcnetError(
            f"out of memory with batch {train.batch}, accumulate {train.accumulate}, crop {height}x{width}, "
            f"{train.precision}; {lower}{halve}: {(str(error) or repr(error)).splitlines()[0]}"
        ) from error


def described(device: torch.device) -> str:
    """The name of a GPU, or of the processor with the number of threads that torch uses of it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'CPU'}, {torch.get_num_threads()} thread(s)"
