"""acnet plan --profile: what a campaign will ask of a cluster, and how long it will take there."""

import argparse
import math
from collections import Counter

from acnet.commands.options import positive, whole
from acnet.params.campaign import Campaign
from acnet.params.resources import load_resources, uncovered
from acnet.progress import duration

_GPUS = (1, 2, 4, 8, 16, 32)
_START = 30.0  # seconds until a job computes: scheduler, Snakemake in the job, torch
_STATES = 4  # checkpoints' sizes that an unfinished training keeps: weights and momentum, two generations


def options(plan: argparse.ArgumentParser) -> None:
    """Add the options to `acnet plan`."""
    plan.add_argument("--profile", help="a folder of workflow/profiles: state jobs, GPU-hours and wall time there")
    plan.add_argument("--gpus", type=whole(1), action="append", help="GPUs to state the wall time for; may repeat")
    plan.add_argument(
        "--tflops",
        type=positive,
        help="TFLOP/s that a GPU there sustains in training; by default this machine is measured (see --calibrate)",
    )


def print_plan(parsed: argparse.Namespace, settings: Campaign) -> None:
    """Print what `acnet plan --profile` states."""
    from acnet.watch.jobs import campaign_jobs
    from acnet.watch.plan import estimate, planned_runs
    from acnet.watch.profile import load_profile
    from acnet.watch.schedule import critical_path

    profile = load_profile(parsed.profile)
    needs = load_resources(parsed.params_root, parsed.scale)
    runs = planned_runs(settings, parsed.target)
    calibrate = 0 if parsed.tflops else max(parsed.calibrate, 1)
    entries, device = estimate(settings, runs, calibrate, parsed.data_root)
    if parsed.tflops:
        entries = [entry.at(parsed.tflops) for entry in entries]
    jobs = campaign_jobs(settings, needs, _times(entries, settings), runs)
    speed = f"{parsed.tflops:g} TFLOP/s on each GPU" if parsed.tflops else f"the speed measured here, on {device}"
    print(f"{parsed.scale} through the profile {profile.name}, from nothing, at {speed}")
    _print_jobs(jobs, profile, needs)
    _print_times(parsed, settings, jobs, profile)
    path = critical_path(jobs)
    print(f"critical path   {duration(sum(job.seconds for job in path))}: " + ", ".join(_steps(path)))
    _print_disk(entries, settings, needs)
    longest = max((job.seconds for job in jobs.values() if job.rule == "train"), default=0.0) / 3600
    runtime = profile.runtime or needs.train.runtime
    if profile.jobs and (message := uncovered(max(longest, needs.longest), runtime, profile.retries)):
        print(f"note            {message}")


def _times(entries, settings: Campaign):
    from acnet.watch.jobs import Times
    from acnet.watch.plan import protocols_of

    by_run = {entry.run: entry for entry in entries}
    protocols = {run: protocols_of(settings, run) for run in by_run}

    def training(run: str) -> float:
        return by_run[run].seconds

    def measuring(run: str, _: str) -> float:
        return by_run[run].evaluation / max(len(protocols[run]), 1)

    return Times(training, measuring, _START)


def _print_jobs(jobs, profile, needs) -> None:
    rules = Counter(job.rule for job in jobs.values())
    local = sum(job.local for job in jobs.values())
    listed = ", ".join(f"{count} {rule}" for rule, count in rules.items())
    print(f"jobs            {len(jobs) - local} submitted, {local} on the login node: {listed}")
    runtime = 60 * (profile.runtime or needs.train.runtime)
    again = sum(math.ceil(job.seconds / runtime) - 1 for job in jobs.values() if job.rule == "train")
    if profile.jobs and again:
        print(f"                {again} more, for trainings longer than their runtime of {duration(runtime)}")


def _print_times(parsed: argparse.Namespace, settings: Campaign, jobs, profile) -> None:
    from acnet.watch.schedule import gpu_seconds, wall_time

    if not settings.scale.gpus:
        places = profile.jobs or 1
        seconds = wall_time(jobs, 0, places)
        print(f"wall time       {duration(seconds)} with {places} jobs at a time; this scale uses no GPU")
        return
    training = gpu_seconds([job for job in jobs.values() if job.rule == "train"])
    total = gpu_seconds(list(jobs.values()))
    print(f"GPU-hours       {total / 3600:,.0f} (training {training / 3600:,.0f})")
    for count in parsed.gpus or ([profile.gpus] if profile.gpus else _GPUS):
        seconds = wall_time(jobs, count, profile.jobs or len(jobs))
        busy = f"{total / seconds / count:.0%} busy"
        print(f"wall time       {duration(seconds)} on {count} GPU{'s' * (count > 1)}, {busy}")


def _steps(path) -> list[str]:
    return [f"{job.name} ({duration(job.seconds)})" for job in path if not job.local]


def _print_disk(entries, settings: Campaign, needs) -> None:
    checkpoints = sum(entry.disk * entry.seeds for entry in entries)
    unfinished = _STATES * max((entry.disk for entry in entries), default=0)
    datasets = {settings.dataset_of(entry.run) for entry in entries}
    print(
        f"disk            {checkpoints / 2**30:.1f} GiB of checkpoints, {unfinished / 2**30:.1f} GiB for each training "
        f"under way, up to {needs.prepare.disk_mb / 1000:,.0f} GB for each of {len(datasets)} datasets"
    )
