"""acnet status: where every run of a scale stands."""

import argparse
import contextlib
from collections import Counter
from pathlib import Path

from acnet.commands.options import campaign, command, scale_option


def add(commands) -> None:
    """Add the command to the parser."""
    status = command(
        commands, "status", _status, "show every run of a scale: waiting, running, stopped, failed, done, stale"
    )
    scale_option(status)


def _status(parsed: argparse.Namespace) -> None:
    from acnet.errors import AcnetError
    from acnet.progress import size
    from acnet.status import campaign_status
    from acnet.track.dvc_project import dvc_project
    from acnet.track.litter import bytes_of

    found = campaign_status(campaign(parsed), parsed.results_root, parsed.logs_root)
    names = [f"{entry.run} seed {entry.seed}" for entry in found]
    width = max(map(len, names))
    for name, entry in zip(names, found, strict=True):
        print(f"{name:<{width}}  {entry.state:<9}{entry.detail}".rstrip())
    count = Counter(entry.state for entry in found)
    print(f"{len(found)} runs at {parsed.scale}: " + ", ".join(f"{n} {state}" for state, n in count.items()))
    with contextlib.suppress(AcnetError):
        with dvc_project(Path.cwd(), config={"core": {"no_scm": True}}) as project:
            cache = Path(project.cache.local_cache_dir)
        if held := bytes_of(cache):
            print(f"DVC's cache {cache}: {size(held)}; acnet gc says what of it can go")
