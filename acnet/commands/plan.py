"""acnet plan, acnet benchmark: what a campaign costs, here or on a cluster, and what a training step costs here."""

import argparse
import dataclasses
import math
import sys
from collections import Counter
from typing import Any

from acnet.commands.options import campaign, command, positive, print_json, share, whole
from acnet.errors import AcnetError
from acnet.params.campaign import Campaign
from acnet.params.resources import load_resources, uncovered
from acnet.params.scales import no_target
from acnet.progress import duration, operations

_GPUS = (1, 2, 4, 8, 16, 32)
_QUEUED = 30.0  # seconds until a job of a cluster computes: scheduler, Snakemake in the job, torch
_SPARE = 4  # requested runtimes of data jobs, which have not been measured, are generous by about this factor
_STATES = 4  # checkpoints' sizes that an unfinished training keeps: weights and momentum, two generations


def add(commands) -> None:
    """Add the commands to the parser."""
    plan = command(commands, "plan", _plan, "estimate jobs, FLOPs, hours and disk space of a scale", "--scale")
    target = "a table or figure, such as table1 or controls; may be repeated (default: all)"
    plan.add_argument("--target", action="append", default=[], help=target)
    instead = plan.add_mutually_exclusive_group()
    instead.add_argument("--commands", action="store_true", help="print the shell commands in order instead")
    share(instead, "--json")
    steps = "training steps to measure for each kind of run; with 0, hours need --tflops (default: %(default)s)"
    plan.add_argument("--calibrate", type=whole(0), default=3, metavar="STEPS", help=steps)
    profile = "a folder of workflow/profiles: estimate jobs, GPU-hours and wall time with it"
    instead.add_argument("--profile", help=profile)
    gpus = "number of GPUs to estimate the wall time for, with --profile; may be repeated"
    plan.add_argument("--gpus", type=whole(1), action="append", help=gpus)
    speeds = "TFLOP/s that a device sustains in training, and in evaluation if that differs"
    text, names = f"{speeds} (default: this machine is measured, see --calibrate)", ("TRAINING", "EVALUATION")
    plan.add_argument("--tflops", type=positive, nargs="+", metavar=names, help=text)
    text = "measure a training step (time, memory) and the time of a test image on this machine"
    step = command(commands, "benchmark", _benchmark, text, "--scale")
    step.add_argument("--run", default="acb3", help="an entry of runs.yaml (default: %(default)s)")
    step.add_argument("--steps", type=whole(1), default=10, help="number of steps to measure (default: %(default)s)")
    step.add_argument("--random", action="store_true", help="use random images instead of the prepared dataset")


def _plan(parsed: argparse.Namespace) -> None:
    from acnet.plan.jobs import campaign_jobs, load_profile

    settings = campaign(parsed)
    tflops = tuple(parsed.tflops or ())
    if len(tflops) > 2:
        raise AcnetError("--tflops takes one number, or two: of training and of evaluation")
    if parsed.gpus and not parsed.profile:
        raise AcnetError("--gpus: needs --profile, a folder of workflow/profiles")
    have = settings.shown() + settings.on_request()
    for target in parsed.target:
        if target not in have:
            raise AcnetError(no_target(target, parsed.scale, have))
    profile = load_profile(parsed.profile) if parsed.profile else None
    print(f"asking Snakemake for the jobs of {parsed.scale}", file=sys.stderr, flush=True)
    jobs = campaign_jobs(parsed.params_root.parent, parsed.scale, parsed.target)
    if not any(job.run for job in jobs.values()):
        what = ", ".join(parsed.target) or f"scale {parsed.scale}"
        raise AcnetError(f"{what}: no training to plan: it is drawn from parameters or from restored records")
    if parsed.commands:
        print("\n".join(job.command for job in jobs.values()))
        return
    from acnet.plan.cost import estimate

    steps = max(parsed.calibrate, 1) if parsed.profile else parsed.calibrate
    estimated = estimate(settings, jobs, parsed.data_root, steps, tflops)
    if parsed.json:
        print_json(_plain(parsed.scale, estimated))
        return
    if profile:
        _print_cluster(parsed, settings, estimated, profile)
    else:
        _print_costs(parsed, estimated)


def _plain(scale: str, estimated) -> dict[str, Any]:
    """What --json prints: seconds are None where nothing says how fast it is."""
    jobs = [{**vars(job), "seconds": job.seconds if estimated.timed else None} for job in estimated.jobs.values()]
    costs = {name: vars(cost) for name, cost in estimated.runs.items()}
    return {"scale": scale, "device": estimated.device, "runs": costs, "jobs": jobs}


def _print_costs(parsed: argparse.Namespace, estimated) -> None:
    from acnet.plan.jobs import trained_seeds

    jobs, runs = estimated.jobs.values(), estimated.runs
    seeds = trained_seeds(jobs)

    def seconds(some) -> str:
        return duration(sum(job.seconds for job in some)) if estimated.timed else "-"

    width = max(map(len, runs))
    print(f"{'run':<{width}}  seeds   steps       images    operations      training    evaluation  checkpoint")
    for run, cost in runs.items():
        one = [job for job in jobs if job.run == run and job.seed == seeds[run][0]]
        times = [seconds(job for job in one if job.rule == "train"), seconds(job for job in one if job.protocol)]
        flops = operations(sum(job.flops for job in one))
        counted = f"{len(seeds[run]):>5}  {cost.steps:>6}  {cost.images:>11,}  {flops:>12}"
        print(f"{run:<{width}}  {counted}  {times[0]:>12}  {times[1]:>12}  {cost.checkpoint / 2**20:>6.1f} MiB")
    images = sum(len(seeds[run]) * cost.images for run, cost in runs.items())
    disk = sum(len(seeds[run]) * cost.checkpoint for run, cost in runs.items()) / 2**30
    flops = operations(sum(job.flops for job in jobs))
    print(f"{sum(map(len, seeds.values()))} training runs, {images:,} images, {flops}, {disk:.2f} GiB of checkpoints")
    parts = f"training {seconds(job for job in jobs if job.rule == 'train')}, "
    parts += f"evaluation {seconds(job for job in jobs if job.protocol)}"
    if parsed.tflops:
        print(f"at {_speed(parsed)} sustained, one job after another: {seconds(jobs)} ({parts})")
    elif estimated.device:
        print(f"on one {estimated.device}, one job after another: {seconds(jobs)} ({parts})")
        print(
            f"based on {parsed.calibrate} measured steps of each kind of training; what does not fit the device is "
            "scaled by FLOPs from a smaller batch or crop"
        )
    else:
        print("no hours without a speed: --calibrate STEPS measures it here, --tflops N states it")


def _speed(parsed: argparse.Namespace) -> str:
    training, *evaluation = parsed.tflops
    return f"{training:g} TFLOP/s" + "".join(f" (evaluation {one:g})" for one in evaluation)


def _print_cluster(parsed: argparse.Namespace, settings: Campaign, estimated, profile) -> None:
    from acnet.plan.cost import START
    from acnet.plan.jobs import trained_seeds
    from acnet.plan.schedule import critical_path, gpu_seconds, wall_time

    def seconds(job) -> float:
        if job.runtime is None:
            return 0.0
        if job.run is None:
            return 60 * job.runtime / _SPARE
        return _QUEUED + (job.seconds - START) / max(job.gpus, 1)

    needs = load_resources(parsed.params_root, parsed.scale)
    jobs = {name: dataclasses.replace(job, seconds=seconds(job)) for name, job in estimated.jobs.items()}
    trainings = [job for job in jobs.values() if job.rule == "train"]
    runtime = profile.runtime or needs.train.runtime
    here = f"the speed measured here, on {estimated.device}"
    speed = f"{_speed(parsed)} on each GPU" if parsed.tflops else here
    print(f"{parsed.scale} with the profile {profile.name}, from scratch, at {speed}")
    local = sum(job.runtime is None for job in jobs.values())
    counts = Counter(job.rule for job in jobs.values())
    counted = ", ".join(f"{count} {rule}" for rule, count in counts.items())
    print(f"jobs            {len(jobs) - local} submitted, {local} on the login node: {counted}")
    again = sum(math.ceil(job.seconds / (60 * runtime)) - 1 for job in trainings)
    if profile.jobs and again:
        print(
            f"                {again} more, for training that takes longer than its runtime of {duration(60 * runtime)}"
        )
    if settings.scale.gpus:
        total, training = gpu_seconds(jobs.values()), gpu_seconds(trainings)
        print(f"GPU-hours       {total / 3600:,.0f} (training {training / 3600:,.0f})")
        for count in parsed.gpus or ([profile.gpus] if profile.gpus else _GPUS):
            wall = wall_time(jobs, count, profile.jobs or len(jobs))
            busy = f"{total / wall / count:.0%} busy"
            print(f"wall time       {duration(wall)} on {count} GPU{'s' * (count > 1)}, {busy}")
    else:
        places = profile.jobs or 1
        wall = duration(wall_time(jobs, 0, places))
        print(f"wall time       {wall} with {places} jobs at a time; this scale uses no GPU")
    path = critical_path(jobs)
    steps = ", ".join(f"{job.name} ({duration(job.seconds)})" for job in path if job.runtime is not None)
    print(f"critical path   {duration(sum(job.seconds for job in path))}: {steps}")
    seeds = trained_seeds(jobs.values())
    checkpoints = [cost.checkpoint for run, cost in estimated.runs.items() for _ in seeds[run]]
    print(
        f"disk            {sum(checkpoints) / 2**30:.1f} GiB of checkpoints, "
        f"{_STATES * max(checkpoints) / 2**30:.1f} GiB for each running training job, up to "
        f"{needs.prepare.disk_mb / 1000:,.0f} GB for each of {counts['prepare']} datasets"
    )
    longest = max(job.seconds for job in trainings) / 3600
    if profile.jobs and (message := uncovered(max(longest, needs.longest), runtime, profile.retries)):
        print(f"note            {message}")


def _benchmark(parsed: argparse.Namespace) -> None:
    from acnet.device import default_device
    from acnet.plan.measure import ceiling, inference_seconds, measure

    run = campaign(parsed).resolve(parsed.run, 0)
    train = run.train
    cost = measure(run, None if parsed.random else parsed.data_root, parsed.steps)
    crop = "x".join(map(str, train.crop))
    most = ceiling(default_device(), train.precision)
    reached = f"{100 * cost.flops_per_second / most:.0f} % of it"
    print(f"run           {parsed.run} at {parsed.scale}: batch {train.batch}, crop {crop}, {train.precision}")
    print(f"device        {cost.device}")
    print(f"images        {cost.images_per_second:.2f} per second; {1000 * cost.seconds:.1f} ms a step")
    print(f"test          {1000 * inference_seconds(run):.1f} ms an image of the crop, without flip, in float32")
    print(f"waiting       {100 * cost.waiting:.1f} % of the time for data")
    print(f"memory        {_memory(cost.peak_bytes)} at the peak")
    print(f"FLOPs         {cost.flops_per_image / 1e9:.2f} GFLOP an image, forward and backward")
    print(f"ceiling       {most / 1e9:.0f} GFLOP/s in a matrix product; the step reaches {reached}")


def _memory(peak: int | None) -> str:
    if peak is None:
        import resource

        return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB of the whole process"
    return f"{peak / 2**30:.2f} GiB on the GPU"
