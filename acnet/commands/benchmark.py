"""acnet benchmark: what a training step of a run costs here."""

import argparse

from acnet.commands.options import campaign, command, scale_option


def add(commands) -> None:
    """Add the command to the parser."""
    benchmark = command(
        commands, "benchmark", _benchmark, "measure the speed and memory of a training step on this machine"
    )
    scale_option(benchmark)
    benchmark.add_argument("--run", default="acb3", help="an entry of runs.yaml (acb3)")
    benchmark.add_argument("--steps", type=int, default=10, help="number of steps to measure (10)")
    benchmark.add_argument("--random", action="store_true", help="use random images instead of the prepared dataset")


def _benchmark(parsed: argparse.Namespace) -> None:
    from acnet.plan.measure import measure

    run = campaign(parsed).resolve(parsed.run, 0)
    train = run.train
    cost = measure(run, None if parsed.random else parsed.data_root, max(1, parsed.steps))
    crop = "x".join(map(str, train.crop))
    print(f"run           {parsed.run} at {parsed.scale}: batch {train.batch}, crop {crop}, {train.precision}")
    print(f"device        {cost.device}")
    print(f"images        {cost.images_per_second:.2f} per second; {1000 * cost.seconds:.1f} ms a step")
    print(f"waiting       {100 * cost.waiting:.1f} % of the time for data")
    print(f"memory        {_memory(cost.peak_bytes)} at the peak")
    print(f"arithmetic    {cost.flops_per_image / 1e9:.2f} GFLOP an image, forward and backward")
    print(f"ceiling       {cost.ceiling / 1e9:.0f} GFLOP/s in a matrix product; the step reaches {_share(cost)}")


def _memory(peak: int | None) -> str:
    if peak is None:
        import resource

        return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB of the whole process"
    return f"{peak / 2**30:.2f} GiB on the GPU"


def _share(cost) -> str:
    return f"{100 * cost.share_of_ceiling:.0f} % of it"
