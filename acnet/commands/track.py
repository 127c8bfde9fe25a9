"""acnet record, place, stage, publish, archive, restore, trace, gc: what is kept of runs, and what can be removed."""

import argparse
import functools
import os
import sys
import time
from pathlib import Path

from acnet.commands.options import campaign, command, print_json, seed_asked, whole
from acnet.errors import AcnetError
from acnet.progress import some
from acnet.track.cleanup import KINDS, find_litter


def add(commands) -> None:
    """Add the commands to the parser."""
    text = "record every finished run as a DVC experiment of the current commit"
    command(commands, "record", _record, text, "--scale")
    place = command(commands, "place", _place, "copy a finished run to experiment/, as dvc exp apply does", "--scale")
    place.add_argument("run", help="an entry of runs.yaml")
    place.add_argument("--seed", type=whole(0), help="one of the scale's seeds (default: the first)")
    command(commands, "stage", _stage, "(internal) what dvc repro and dvc exp run call; reads workflow/config.yaml")
    text = "push a campaign to a DVC remote and its list of files as a Git tag"
    publish = command(commands, "publish", _publish, text, "--scale")
    publish.add_argument("--data", action="store_true", help="include prepared images and labels; check their licence")
    publish.add_argument("--replace", action="store_true", help="replace the files published under this name")
    text = "write a campaign as one RO-Crate, a zip for Zenodo and the like"
    archive = command(commands, "archive", _archive, text, "--scale")
    archive.add_argument("--out", type=Path, metavar="FILE", help="a .zip file (default: acnet-SCALE.zip)")
    archive.add_argument("--checkpoints", action="store_true", help="include the checkpoints, as safetensors")
    restore = command(commands, "restore", _restore, "download and verify a published campaign, or unpack an archive")
    restore.add_argument("--only", default="", help="metrics, or a table or figure such as table3")
    restore.add_argument("--overwrite", action="store_true", help="replace local files whose content differs")
    for made, text in (
        (publish, "name of the campaign (default: that of the scale)"),
        (restore, "name of the campaign, or a .zip of acnet archive"),
    ):
        made.add_argument("name", nargs="?" if made is publish else None, help=text)
        made.add_argument("--remote", help="DVC remote (default: that of DVC's settings)")
        made.add_argument("--git-remote", default="origin", help="Git remote of the tag (default: %(default)s)")
    text = "show where a table cell comes from and how to reproduce it"
    trace = command(commands, "trace", _trace, text, "--scale", "--json")
    trace.add_argument("table", help="a table, such as table3")
    text = "the row's key, its run, or its method, of which the last part is enough, such as 'ACB#3'"
    trace.add_argument("row", help=text)
    trace.add_argument("column", nargs="?", help="a column's key (default: all columns)")
    gc = command(commands, "gc", _gc, "list files that no table, run or DVC experiment needs; --yes removes them")
    known = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
    gc.add_argument("kinds", nargs="*", metavar="KIND", help=f"only these kinds (default: all). {known}")
    gc.add_argument("--yes", action="store_true", help="remove the listed files")


def _record(parsed: argparse.Namespace) -> None:
    from acnet.track.record import record
    from acnet.track.repository import Unavailable

    try:
        done = record(campaign(parsed), parsed.results_root, Path.cwd())
    except Unavailable as reason:
        _say(f"acnet: no runs recorded: {reason}")
        return
    counts = ", ".join(f"{len(names)} {what}" for what, names in done.items() if names)
    _say(f"recorded: {counts}; see dvc exp show" if counts else "no finished run to record")


def _place(parsed: argparse.Namespace) -> None:
    from acnet.track.experiment import place

    chosen = campaign(parsed)
    chosen.entry(parsed.run)
    seed = seed_asked(parsed, chosen)
    place(chosen, parsed.run, seed, parsed.results_root, Path.cwd())
    _say(f"placed: {parsed.run}, seed {seed}, in experiment/")


def _stage(parsed: argparse.Namespace) -> None:
    from acnet.track.stage import run_stage

    row = run_stage(Path.cwd(), Path(os.environ.get("DVC_ROOT", ".")))
    _say(f"placed: {row} in experiment/")


def _own_folders(parsed: argparse.Namespace) -> None:
    """AcnetError for a folder that is not where a campaign keeps its files, by which others know them."""
    for root in ("data", "results", "reports"):
        if getattr(parsed, f"{root}_root") != Path(root):
            raise AcnetError(f"--{root}-root: a campaign consists of files below {root}/; link that folder to yours")


def _publish(parsed: argparse.Namespace) -> None:
    from acnet.progress import size
    from acnet.track.publish import announce, publish

    _own_folders(parsed)
    name = parsed.name or parsed.scale
    options = {"remote": parsed.remote, "git_remote": parsed.git_remote, "replace": parsed.replace}
    entries = publish(campaign(parsed), Path.cwd(), name, with_data=parsed.data, **options)
    _say(f"published: campaign {name}, {len(entries)} files, {size(sum(entry.size for entry in entries))}")
    for line in announce(Path.cwd(), name, parsed.remote, parsed.git_remote):
        _say(line)


def _archive(parsed: argparse.Namespace) -> None:
    from acnet.track.archive import archive

    _own_folders(parsed)
    out = parsed.out or Path(f"acnet-{parsed.scale}.zip")
    if out.suffix != ".zip":
        raise AcnetError(f"--out {out}: name a .zip file, by which `acnet restore` knows an archive")
    count = archive(campaign(parsed), Path.cwd(), out, parsed.checkpoints)
    _say(f"{out}: {count} files; `acnet restore {out}` restores them in another clone")


def _restore(parsed: argparse.Namespace) -> None:
    from acnet.track.restore import give_one_time, newer, restore

    _own_folders(parsed)
    options = {"only": parsed.only, "remote": parsed.remote, "git_remote": parsed.git_remote}
    done = restore(Path.cwd(), parsed.name, parsed.params_root, overwrite=parsed.overwrite, **options)
    _say(f"restored: campaign {parsed.name}, {len(done.files)} files")
    when = time.time()
    _hand_over(parsed, done.scale, done.files)
    # What Snakemake has touched, raw data here among it, is newer now than what it has not, such as a run fine-tuned
    # from a restored one.
    give_one_time([*done.same, *newer(parsed.data_root, when)], Path.cwd(), when)
    if done.missing:
        raise AcnetError(
            f"missing or damaged on the remote: {some(done.missing)}; the rest is restored; "
            f"run `acnet publish {parsed.name}` where they were made to send them again"
        )


def _hand_over(parsed: argparse.Namespace, scale: str, restored: list[str]) -> None:
    """Hand restored files to Snakemake, and name the runs that are not what params/ asks for today."""
    from acnet.track.restore import is_archive, runs_among, touch

    name, params = parsed.name, parsed.params_root
    old = f"unzip -o {name} 'params/*'" if is_archive(name) else f"git checkout campaign/{name} -- params"
    theirs = f"`{old}` restores the published parameters"
    try:
        runs = runs_among(restored, campaign(parsed, scale), Path.cwd())
    except AcnetError as error:
        raise AcnetError(f"{error}; {theirs}; then run the same command again") from error
    if runs.unknown:
        _say(f"not in {params}/runs.yaml here, so Snakemake and the tables ignore them: {some(runs.unknown)}; {theirs}")
    if runs.others:
        how = f"trained with parameters or initial weights that differ from {params}/"
        _say(f"{how}, so Snakemake trains them again: {some(runs.others)}; {theirs}")
    target = "report" if parsed.only == "metrics" else parsed.only or "all"
    files = [] if target == "report" else runs.files  # where nothing is made, no rule makes them
    _say("marking the restored files as up to date for Snakemake")
    if not touch(Path.cwd(), [target, *files], scale):
        rest = f"`snakemake -n {target} --config scale={scale}` shows the rest"
        _say(f"this campaign lacks some of what the target {target} needs; {rest}")


def _trace(parsed: argparse.Namespace) -> None:
    from acnet.report.cell_origin import Roots, trace, traced
    from acnet.track.restore import commands_that_fetch

    chosen, roots = campaign(parsed), Roots(parsed.data_root, parsed.results_root, parsed.logs_root)
    fetch = functools.partial(commands_that_fetch, Path.cwd(), chosen)
    asked = chosen, parsed.table, parsed.row, parsed.column, roots, fetch
    if parsed.json:
        print_json(traced(*asked))
    else:
        print(trace(*asked), end="")


def _gc(parsed: argparse.Namespace) -> None:
    from acnet.progress import size
    from acnet.track.repository import Unavailable

    roots = {"data": parsed.data_root, "results": parsed.results_root, "logs": parsed.logs_root}
    freed = count = 0
    try:
        for found in find_litter(parsed.kinds, Path.cwd(), **roots):
            print(f"{found.kind:<7} {size(found.size):>9}  {found.name}: {found.why}")
            freed, count = freed + found.size, count + 1
            if parsed.yes:
                found.remove()
    except Unavailable as reason:
        _say(f"the cache was skipped: {reason}")
    done = "removed" if parsed.yes else "can be removed with --yes"
    print(f"{done}: {count}, {size(freed)} in all")


def _say(message: str) -> None:
    print(message, file=sys.stderr)
