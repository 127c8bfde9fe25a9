"""acnet plan: what a scale will cost, and the plain commands that do it."""

import argparse

from acnet.commands import plan_cluster
from acnet.commands.options import campaign, command, scale_option, whole
from acnet.errors import AcnetError
from acnet.progress import duration, operations


def add(commands) -> None:
    """Add the command to the parser."""
    plan = command(commands, "plan", _plan, "list runs, images, FLOPs, estimated hours and disk of a scale")
    scale_option(plan)
    plan.add_argument("--target", action="append", metavar="TABLE", help="table1 ... figure5; may repeat (all)")
    plan.add_argument("--commands", action="store_true", help="print the shell commands in order instead")
    plan.add_argument(
        "--calibrate",
        type=whole(0),
        default=3,
        metavar="STEPS",
        help="steps to measure for each kind of run; 0: none, and no hours of this machine (3)",
    )
    plan_cluster.options(plan)


def _plan(parsed: argparse.Namespace) -> None:
    from acnet.watch.plan import planned_runs

    settings = campaign(parsed)
    if parsed.commands:
        from acnet.watch.shell import shell_commands

        print("\n".join(shell_commands(settings, planned_runs(settings, parsed.target))))
        return
    if parsed.profile:
        plan_cluster.print_plan(parsed, settings)
        return
    if parsed.gpus:
        raise AcnetError("--gpus: wall times are stated for a cluster; name one of workflow/profiles: --profile slurm")
    _print_costs(parsed, settings)


def _print_costs(parsed: argparse.Namespace, settings) -> None:
    from acnet.watch.plan import estimate, other_seconds, planned_runs

    runs = planned_runs(settings, parsed.target)
    steps = 0 if parsed.tflops else parsed.calibrate
    entries, device = estimate(settings, runs, steps, parsed.data_root)
    if parsed.tflops:
        entries = [entry.at(parsed.tflops) for entry in entries]
    width = max(len(entry.run) for entry in entries)
    print(f"{'run':<{width}}  seeds   steps       images    operations      training    evaluation  checkpoint")
    for entry in entries:
        arithmetic = f"{entry.seeds:>5}  {entry.steps:>6}  {entry.images:>11,}  {operations(entry.flops):>12}"
        times = f"{_time(entry.seconds):>12}  {_time(entry.evaluation):>12}"
        print(f"{entry.run:<{width}}  {arithmetic}  {times}  {entry.disk / 2**20:>6.1f} MiB")
    trainings = sum(entry.seeds for entry in entries)
    images, flops, disk = (
        sum(getattr(entry, name) * entry.seeds for entry in entries) for name in ("images", "flops", "disk")
    )
    print(f"{trainings} trainings, {images:,} images, {operations(flops)}, {disk / 2**30:.2f} GiB of checkpoints")
    if device:
        training = sum(entry.seconds * entry.seeds for entry in entries)
        evaluation = sum(entry.evaluation * entry.seeds for entry in entries)
        rest = other_seconds(settings)
        total = training + evaluation + rest
        parts = f"training {duration(training)}, evaluation {duration(evaluation)}, all else {duration(rest)}"
        print(f"on one {device}, one after another: {duration(total)} ({parts})")
        _print_basis(parsed, settings, runs)
    if parsed.tflops:
        hours = _hours(flops / (1e12 * parsed.tflops))
        print(f"at {parsed.tflops:g} TFLOP/s sustained, one run after another: {hours} of training and evaluation")
    _print_recorded(parsed, settings, runs)
    if not device and not parsed.tflops:
        scale = f"--scale {parsed.scale}"
        print(
            f"nothing is measured on this machine; `acnet plan {scale}` measures some steps, `python benchmarks/"
            f"scale_runs.py {scale}` on a GPU records real ones of every run, and --tflops N is what a machine sustains"
        )


def _print_basis(parsed: argparse.Namespace, settings, runs: list[str]) -> None:
    """What the hours rest on."""
    from acnet.watch.calibration import basis, kind

    kinds = {kind(settings.resolve(run, settings.scale.seeds[0])) for run in runs}
    print(f"this rests on {parsed.calibrate} steps measured here of each of {len(kinds)} kinds of training")
    smaller = sorted({text for of in kinds if (text := basis(of))})
    if smaller:
        print(f"too large for this device and scaled by FLOPs from smaller steps: {'; '.join(smaller)}")


def _print_recorded(parsed: argparse.Namespace, settings, runs: list[str]) -> None:
    """What the steps say that benchmarks/scale_runs.py has recorded."""
    from acnet.watch.recorded import recorded

    found = recorded(settings.params.parent, parsed.scale, runs, len(settings.scale.seeds))
    for entry in found:
        how = "at the recipe's crop and batch" if entry.whole else "at a smaller crop, scaled by FLOPs"
        steps = f"{entry.steps} step{'s' if entry.steps > 1 else ''} of every run"
        print(
            f"recorded on {entry.device}, true of it alone: training {_hours(3600 * entry.hours)}, from {steps} {how}"
        )


def _hours(seconds: float) -> str:
    """A duration; thousands of hours as days too."""
    days = f" ({seconds / 86400:,.0f} days)" if seconds > 1e6 else ""
    return f"{seconds / 3600:,.0f} h{days}" if seconds > 1e6 else duration(seconds)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)
