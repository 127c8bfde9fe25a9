"""acnet resolve, acnet train, acnet status: from params/ to a checkpoint."""

import argparse
import dataclasses

from acnet.commands.options import campaign, command, print_json, seed_asked, whole
from acnet.errors import AcnetError
from acnet.params.resources import check_split
from acnet.params.run import read_run, run_folder, write_run


def add(commands) -> None:
    """Add the commands to the parser."""
    resolve = command(commands, "resolve", _resolve, "write the complete parameters of one run", "--scale")
    resolve.add_argument("--run", required=True, help="an entry of runs.yaml")
    resolve.add_argument(
        "--seed", type=whole(0), help="seed of initial weights and augmentation (default: the scale's first)"
    )
    text = "train the network of a params.yaml, or resume its training"
    train = command(commands, "train", _train, text, "--params", in_project=False)
    limit = "save and exit with status 75 before this time is over (environment: ACNET_TIME_LIMIT)"
    train.add_argument("--time-limit", type=float, metavar="MINUTES", help=limit)
    processes = "number of processes on all nodes, one per GPU (default: %(default)s)"
    train.add_argument("--processes", type=whole(1), default=1, help=processes)
    train.add_argument(
        "--nodes", type=whole(1), default=1, help="number of nodes of the Slurm job to use (default: %(default)s)"
    )
    status = "show every run of a scale: waiting, running, stopped, failed, done, stale"
    command(commands, "status", _status, status, "--scale", "--json")


def _resolve(parsed: argparse.Namespace) -> None:
    settings = campaign(parsed)
    seeds, seed = settings.seeds(parsed.run), seed_asked(parsed, settings)
    if seed not in seeds:
        file = f"{parsed.params_root}/scales/{parsed.scale}.yaml"
        raise AcnetError(
            f"--seed {seed}: run '{parsed.run}' has seeds {seeds} at scale '{parsed.scale}'; in {file}, add {seed} to "
            "`seeds` for all runs, or to `more_seeds` for this one"
        )
    folder = run_folder(parsed.results_root, parsed.scale, parsed.run, seed)
    write_run(settings.resolve(parsed.run, seed), settings.origins(parsed.run), folder / "params.yaml")


def _train(parsed: argparse.Namespace) -> None:
    from acnet.jobs.torchrun import start_processes

    run = read_run(parsed.params)
    check_split(run, parsed.processes, f"--processes {parsed.processes}")
    again = [f"--data-root={parsed.data_root}", "train", f"--params={parsed.params}"]
    again += [f"--time-limit={parsed.time_limit}"] if parsed.time_limit is not None else []
    start_processes(parsed.processes, parsed.nodes, run.train.threads, again)
    from acnet.data.scratch import near
    from acnet.train.train import train_run

    splits = [*run.train_splits, *(["val", run.evaluate_split] if run.train.validate_every else [])]
    train_run(run, parsed.params.parent, near(parsed.data_root, run.dataset, splits), parsed.time_limit)


def _status(parsed: argparse.Namespace) -> None:
    from acnet.status import campaign_status, counted

    found = campaign_status(campaign(parsed), parsed.results_root, parsed.logs_root)
    if parsed.json:
        print_json({"scale": parsed.scale, "runs": [dataclasses.asdict(entry) for entry in found]})
        return
    names = [f"{entry.run} seed {entry.seed}" for entry in found]
    width = max(map(len, names), default=0)
    for name, entry in zip(names, found, strict=True):
        print(f"{name:<{width}}  {entry.state:<9}{entry.detail}".rstrip())
    print(f"{len(found)} runs at {parsed.scale}: {counted(found)}")
