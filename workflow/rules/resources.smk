from snakemake.logging import logger

from acnet.params.resources import uncovered

# No public name of Snakemake tells whether jobs run on a cluster and how often they are retried: profiles and options set both.
# `jobs` (nodes) is what a cluster's profile sets. Each function costs a campaign of a thousand runs some tenths of a
# second: constants where all runs have the same.
ON_CLUSTER = workflow.remote_exec or bool(workflow.resource_settings.nodes)


def needed(need, **more):
    """The resources of a job as resources.yaml states its `need`; on a cluster, more memory for each further attempt."""
    memory = (lambda wildcards, attempt: need.memory(attempt)) if ON_CLUSTER else need.mem_mb
    return {**more, "runtime": need.runtime, "mem_mb": memory, "disk_mb": need.disk_mb}


def limit(wildcards, resources):
    """ACNET_TIME_LIMIT= for a training on a cluster: its runtime in minutes minus that of its start; empty on this machine."""
    if workflow.is_main_process and ON_CLUSTER and (workflow.dryrun or not workflow.local_exec):
        say_if_retries_fall_short(resources.runtime, workflow.execution_settings.retries)
    return f"ACNET_TIME_LIMIT={max(resources.runtime - 2, resources.runtime / 2):g} " if workflow.remote_exec else ""


@functools.cache
def say_if_retries_fall_short(runtime, retries):
    """Once, at the start or in a dry run: that so many minutes and retries do not cover the scale's longest training."""
    if message := uncovered(NEEDS.longest, runtime, retries):
        logger.warning(f"scale '{SCALE}': {message}")


def spread(wildcards):
    """The GPUs and nodes of a training."""
    return NEEDS.spread_of(wildcards.run, CAMPAIGN.scale.gpus)


def threads_on_node(wildcards):
    """The threads of all processes of a training on one node."""
    asked = spread(wildcards)
    return run_of(wildcards).train.threads * asked.processes // asked.nodes


def for_slurm(name):
    """What sbatch is told of a training over several GPUs, so that `acnet train` itself starts one process for each.

    A function from the wildcards to the resource `name`, None for a training on one GPU.
    """

    def ask(wildcards):
        gpus, nodes = spread(wildcards).gpus, spread(wildcards).nodes
        one = {"nodes": 1, "tasks_per_gpu": 0} if gpus > 1 else {}
        each = f"--ntasks-per-node=1 --gpus-per-node={gpus // nodes}"
        several = {"nodes": nodes, "tasks": nodes, "mpi": "srun", "slurm_extra": each} if nodes > 1 else {}
        return {**one, **several}.get(name)

    return ask


def processes(wildcards, resources):
    """Options --processes and --nodes of `acnet train`, by the GPUs granted (a laptop may have one of four); empty for one."""
    # A cluster that only knows gres is asked for as many by that name, and for no `gpu`.
    granted = spread(wildcards).processes if resources.get("gres") else resources.get("gpu", 0)
    nodes = f" --nodes {resources.nodes}" if resources.get("nodes", 1) > 1 else ""
    return f" --processes {granted}{nodes}" if granted > 1 else ""


THREADS = {run.train.threads for run in RESOLVED.values()}
THREADS = THREADS.pop() if len(THREADS) == 1 else lambda wildcards: run_of(wildcards).train.threads
TRAIN_THREADS = threads_on_node if NEEDS.spread else THREADS
SPREAD = {"gpu": CAMPAIGN.scale.gpus}
if NEEDS.spread:
    SPREAD = {name: for_slurm(name) for name in ("nodes", "tasks", "tasks_per_gpu", "mpi", "slurm_extra")}
    SPREAD["gpu"] = lambda wildcards: spread(wildcards).gpus
