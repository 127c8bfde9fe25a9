"""acnet plan: the jobs, hours and disk that a campaign takes, and the plain commands that do it."""

import argparse
import sys

from acnet.commands import plan_cluster
from acnet.commands.options import campaign, command, positive, scale_option, whole
from acnet.errors import AcnetError
from acnet.params.scales import no_target
from acnet.progress import duration, operations


def add(commands) -> None:
    """Add the command to the parser."""
    plan = command(commands, "plan", _plan, "estimate jobs, FLOPs, hours and disk space of a scale")
    scale_option(plan)
    plan.add_argument("--target", action="append", default=[], help="table1 ... figure5; may be repeated (all)")
    plan.add_argument("--commands", action="store_true", help="print the shell commands in order instead")
    steps = "steps to measure for each kind of run; 0: none, so no hours are estimated (3)"
    plan.add_argument("--calibrate", type=whole(0), default=3, metavar="STEPS", help=steps)
    plan.add_argument("--profile", help="a folder of workflow/profiles: estimate jobs, GPU-hours and wall time with it")
    plan.add_argument(
        "--gpus", type=whole(1), action="append", help="number of GPUs to estimate the wall time for; may be repeated"
    )
    sustained = "TFLOP/s that a device sustains in training (default: this machine is measured, see --calibrate)"
    plan.add_argument("--tflops", type=positive, help=sustained)


def _plan(parsed: argparse.Namespace) -> None:
    if parsed.gpus and not parsed.profile:
        raise AcnetError("--gpus: wall times are stated for a cluster; name one of workflow/profiles: --profile slurm")
    from acnet.plan.jobs import campaign_jobs

    settings = campaign(parsed)
    have = settings.scale.tables + settings.scale.figures
    for target in parsed.target:
        if target not in have:
            raise AcnetError(no_target(target, parsed.scale, have))
    print(f"asking Snakemake for the jobs of {parsed.scale}", file=sys.stderr, flush=True)
    jobs = campaign_jobs(parsed.params_root.parent, parsed.scale, parsed.target)
    if not any(job.run for job in jobs.values()):
        raise AcnetError(f"{', '.join(parsed.target)}: drawn from parameters alone; it trains nothing")
    if parsed.commands:
        print("\n".join(job.command for job in jobs.values()))
        return
    from acnet.plan.cost import estimate

    steps = max(parsed.calibrate, 1) if parsed.profile else parsed.calibrate
    estimated = estimate(settings, jobs, parsed.data_root, steps, parsed.tflops)
    if parsed.profile:
        plan_cluster.print_plan(parsed, settings, estimated)
    else:
        _print_costs(parsed, settings, estimated)


def _print_costs(parsed: argparse.Namespace, settings, estimated) -> None:
    seeds, width = {run: len(settings.seeds(run)) for run in estimated.runs}, max(map(len, estimated.runs))
    print(f"{'run':<{width}}  seeds   steps       images    operations      training    evaluation  checkpoint")
    for run, cost in estimated.runs.items():
        one = [job for job in estimated.jobs.values() if job.run == run and job.seed == settings.scale.seeds[0]]
        training, evaluation = ([job.seconds for job in one if job.kind == kind] for kind in ("training", "evaluation"))
        times = [duration(sum(part)) if part and estimated.per_flop else "-" for part in (training, evaluation)]
        flops = operations(sum(job.flops for job in one))
        counted = f"{seeds[run]:>5}  {cost.steps:>6}  {cost.images:>11,}  {flops:>12}"
        print(f"{run:<{width}}  {counted}  {times[0]:>12}  {times[1]:>12}  {cost.checkpoint / 2**20:>6.1f} MiB")
    images, disk = (
        sum(seeds[run] * getattr(cost, name) for run, cost in estimated.runs.items())
        for name in ("images", "checkpoint")
    )
    flops = operations(sum(job.flops for job in estimated.jobs.values()))
    print(f"{sum(seeds.values())} trainings, {images:,} images, {flops}, {disk / 2**30:.2f} GiB of checkpoints")
    if estimated.device:
        kinds = {kind: duration(estimated.seconds(kind)) for kind in ("training", "evaluation", "all else")}
        parts = ", ".join(f"{kind} {time}" for kind, time in kinds.items())
        print(f"on one {estimated.device}, one after another: {duration(estimated.seconds())} ({parts})")
        _print_basis(parsed.calibrate, {cost.kind for cost in estimated.runs.values()})
    if parsed.tflops:
        hours = duration(estimated.seconds())
        print(f"at {parsed.tflops:g} TFLOP/s sustained, one run after another: {hours} of training and evaluation")
    else:
        _print_emulated(settings, list(estimated.runs))
    _print_recorded(parsed, settings, list(estimated.runs))
    if not estimated.per_flop:
        scale = f"--scale {parsed.scale}"
        print(
            f"nothing is measured on this machine; `acnet plan {scale}` measures some steps, `python benchmarks/"
            f"scale_runs.py {scale}` on a GPU records real ones of every run, and --tflops N is what a machine sustains"
        )


def _print_basis(steps: int, kinds: set) -> None:
    """What the estimate is based on."""
    from acnet.plan.calibration import basis

    print(f"based on {steps} steps measured here of each of {len(kinds)} kinds of training")
    if smaller := sorted({text for of in kinds if (text := basis(of))}):
        print(f"too large for this device and scaled by FLOPs from smaller steps: {'; '.join(smaller)}")


def _print_emulated(settings, runs: list[str]) -> None:
    """That this machine is slow in the scale's precision, and what to do."""
    from acnet.device import default_device, emulation_warning

    for precision in {settings.resolve(run, settings.scale.seeds[0]).train.precision for run in runs}:
        if slow := emulation_warning(default_device(), precision, settings.scale_name):
            print(slow)


def _print_recorded(parsed: argparse.Namespace, settings, runs: list[str]) -> None:
    """What the steps say that benchmarks/scale_runs.py has recorded."""
    from acnet.plan.cost import recorded

    for device, found in recorded(settings.params.parent, parsed.scale, runs).items():
        whole = all(entry["whole"] for entry in found)
        how = "at the recipe's crop and batch" if whole else "at a smaller crop, scaled by FLOPs"
        least = min(entry["steps"] for entry in found)
        steps = f"{least} step{'s' if least > 1 else ''} of every run"
        trained = zip(runs, found, strict=True)
        hours = duration(3600 * sum(len(settings.seeds(run)) * entry["hours"] for run, entry in trained))
        print(f"recorded on {device}, measured there only: training {hours}, from {steps} {how}")
