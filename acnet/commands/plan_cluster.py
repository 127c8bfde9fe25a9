"""acnet plan --profile: what a campaign needs on a cluster, and how long it takes there."""

import argparse
import dataclasses
import math
from collections import Counter
from collections.abc import Mapping

from acnet.params.campaign import Campaign
from acnet.params.resources import load_resources, uncovered
from acnet.plan.jobs import Job
from acnet.progress import duration

_GPUS = (1, 2, 4, 8, 16, 32)
_START = 30.0  # seconds until a job computes: scheduler, Snakemake in the job, torch
_SPARE = 4  # runtimes of data jobs, which nobody has measured, are asked for generously
_STATES = 4  # checkpoints' sizes that an unfinished training keeps: weights and momentum, two generations


def print_plan(parsed: argparse.Namespace, settings: Campaign, estimated) -> None:
    """Print what `acnet plan --profile` states."""
    from acnet.plan.schedule import critical_path
    from acnet.plan.workflow_profile import load_profile

    profile = load_profile(parsed.profile)
    needs = load_resources(parsed.params_root, parsed.scale)
    jobs = {name: dataclasses.replace(job, seconds=_seconds(job, estimated)) for name, job in estimated.jobs.items()}
    trainings = [job for job in jobs.values() if job.rule == "train"]
    runtime = profile.runtime or needs.train.runtime
    here = f"the speed measured here, on {estimated.device}"
    speed = f"{parsed.tflops:g} TFLOP/s on each GPU" if parsed.tflops else here
    print(f"{parsed.scale} through the profile {profile.name}, from nothing, at {speed}")
    local = sum(job.runtime is None for job in jobs.values())
    counted = ", ".join(f"{count} {rule}" for rule, count in Counter(job.rule for job in jobs.values()).items())
    print(f"jobs            {len(jobs) - local} submitted, {local} on the login node: {counted}")
    again = sum(math.ceil(job.seconds / (60 * runtime)) - 1 for job in trainings)
    if profile.jobs and again:
        print(f"                {again} more, for trainings longer than their runtime of {duration(60 * runtime)}")
    _print_times(parsed.gpus, settings, jobs, profile)
    path = critical_path(jobs)
    steps = ", ".join(f"{job.name} ({duration(job.seconds)})" for job in path if job.runtime is not None)
    print(f"critical path   {duration(sum(job.seconds for job in path))}: {steps}")
    checkpoints = [cost.checkpoint for run, cost in estimated.runs.items() for _ in settings.seeds(run)]
    print(
        f"disk            {sum(checkpoints) / 2**30:.1f} GiB of checkpoints, "
        f"{_STATES * max(checkpoints) / 2**30:.1f} GiB for each training under way, up to "
        f"{needs.prepare.disk_mb / 1000:,.0f} GB for each of {sum(job.rule == 'prepare' for job in jobs.values())} "
        "datasets"
    )
    longest = max(job.seconds for job in trainings) / 3600
    if profile.jobs and (message := uncovered(max(longest, needs.longest), runtime, profile.retries or 0)):
        print(f"note            {message}")


def _seconds(job: Job, estimated) -> float:
    if job.runtime is None:
        return 0.0
    if job.run is None:
        return 60 * job.runtime / _SPARE
    return _START + job.flops * estimated.per_flop[job.run] / max(job.gpus, 1)


def _print_times(gpus: list[int] | None, settings: Campaign, jobs: Mapping[str, Job], profile) -> None:
    from acnet.plan.schedule import gpu_seconds, wall_time

    if not settings.scale.gpus:
        places = profile.jobs or 1
        seconds = wall_time(jobs, 0, places)
        print(f"wall time       {duration(seconds)} with {places} jobs at a time; this scale uses no GPU")
        return
    training = gpu_seconds([job for job in jobs.values() if job.rule == "train"])
    total = gpu_seconds(list(jobs.values()))
    print(f"GPU-hours       {total / 3600:,.0f} (training {training / 3600:,.0f})")
    for count in gpus or ([profile.gpus] if profile.gpus else _GPUS):
        seconds = wall_time(jobs, count, profile.jobs or len(jobs))
        busy = f"{total / seconds / count:.0%} busy"
        print(f"wall time       {duration(seconds)} on {count} GPU{'s' * (count > 1)}, {busy}")
