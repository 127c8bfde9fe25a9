"""One training by several processes: torchrun on this machine, or on each node of a Slurm job."""

import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence

from acnet.errors import AcnetError


def start_processes(processes: int, nodes: int, threads: int, arguments: Sequence[str]) -> None:
    """Become torchrun, which calls `acnet` with `arguments` in each of `processes` processes over `nodes` nodes.

    Returns in those processes themselves, and where one process is enough. AcnetError for numbers that do not go
    together, or for several nodes outside a Slurm job.
    """
    if processes == 1 or "LOCAL_RANK" in os.environ:  # which torchrun sets
        return
    if processes % nodes:
        raise AcnetError(f"--processes: {processes} cannot be split over {nodes} nodes; choose a multiple of --nodes")
    words = command(processes, nodes, threads, arguments, os.environ)
    sys.stderr.flush()
    # In place of this process, so that signals reach torchrun as they would have reached the training.
    os.execvpe(words[0], words, environment(threads, os.environ))


def command(processes: int, nodes: int, threads: int, arguments: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The command that starts them; `known` is the environment it is asked in."""
    here = processes // nodes
    run = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={here}", "--rdzv-backend=c10d"]
    called = ["-m", "acnet", *arguments]
    if nodes == 1:
        # Port 0: the system chooses one, so that jobs that share the machine never meet.
        return [*run, "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1", *called]
    job = known.get("SLURM_JOB_ID")
    if job is None or shutil.which("srun") is None:
        raise AcnetError(f"--nodes: {nodes} nodes need srun, which works only within a Slurm job")
    step = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={here * threads}"]
    # Without GPUs to hand out, on a node without any, the processes compute on its cores.
    step += [f"--gpus-per-node={here}"] if "CUDA_VISIBLE_DEVICES" in known else []
    # The job's script runs on the first of its nodes: a port that is free here is free where they meet.
    meeting = [f"--nnodes={nodes}", f"--rdzv-id={job}", f"--rdzv-endpoint={socket.gethostname()}:{_free_port()}"]
    return [*step, "--kill-on-bad-exit=1", "--cpu-bind=none", *run, *meeting, *called]


def environment(threads: int, known: Mapping[str, str]) -> dict[str, str]:
    """`known` with the threads of one process, and NCCL's warnings; what is set stays.

    Snakemake sets OMP_NUM_THREADS and the like to the threads of the whole job, which each process would take.
    """
    limits = dict.fromkeys((name for name in known if name.endswith("_NUM_THREADS")), str(threads))
    return {"NCCL_DEBUG": "WARN", **known, **limits, "OMP_NUM_THREADS": str(threads)}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return listener.getsockname()[1]
