"""What Snakemake takes to plan a campaign of many runs: a dry run, and one of a campaign with nothing left to do.

    python benchmarks/campaign.py                      # 28 networks with 1, 4, 12 and 36 seeds: 28 to 1,008 runs
    python benchmarks/campaign.py --seeds 36 --turns 1

The mini scale, in copies of the project where in the end every output stands, empty but for the parameters that
Snakemake reads in it; nothing is trained.
Prints seconds (the median of the turns, which go round the sizes so that a busy moment hits all) and the memory at the
peak.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from acnet.params.campaign import Campaign
from acnet.params.run import write_run

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("Snakefile", "workflow", "params", "acnet")
Turns = dict[int, list[tuple[float, float]]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 4, 12, 36], help="of each network (1 4 12 36)")
    parser.add_argument("--turns", type=int, default=3, help="measurements, of which the median counts (3)")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        projects = {seeds: _project(Path(temporary) / str(seeds), seeds) for seeds in parsed.seeds}
        print("| runs | jobs | dry run | memory | nothing to do | memory |\n| --- | --- | --- | --- | --- | --- |")
        dry = _measured(projects, parsed.turns, "Job stats:")
        jobs = {seeds: _finish(project) for seeds, project in projects.items()}
        idle = _measured(projects, parsed.turns, "Nothing to be done")
    for seeds in projects:
        cells = [f"{28 * seeds:,}", f"{jobs[seeds]:,}", *_cells(dry[seeds]), *_cells(idle[seeds])]
        print("| " + " | ".join(cells) + " |")


def _project(folder: Path, seeds: int) -> Path:
    """A copy of the project whose mini scale trains every network with so many seeds."""
    folder.mkdir()
    for name in _COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    scale = folder / "params/scales/mini.yaml"
    text, count = re.subn(r"^seeds: .*$", f"seeds: {list(range(seeds))}", scale.read_text(), flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"{scale}: expected one line of seeds")
    scale.write_text(text)
    return folder


def _finish(project: Path) -> int:
    """Make every output and have Snakemake believe it; the number of jobs."""
    campaign = Campaign(project / "params", "mini")
    text = _snakemake(project, "-n")[0]
    outputs = re.findall(r"^    output: (.*)$", text, re.MULTILINE)
    for name in ", ".join(outputs).split(", "):
        path = project / name
        if path.parent == project / "data/raw":
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if path.name == "params.yaml":
            name, seed = path.parts[-3], int(path.parts[-2].removeprefix("seed"))
            write_run(campaign.resolve(name, seed), campaign.origins(name), path)
        elif path.parent.name == "metrics" and path.suffix == ".json":
            protocol = campaign.protocol(path.stem, path.parts[-4])
            path.write_text(json.dumps({"protocol": protocol.identity()}))
    _snakemake(project, "--touch", "--cores", "1")
    return int(re.search(r"^total +(\d+)$", text, re.MULTILINE)[1])


def _measured(projects: dict[int, Path], turns: int, said: str) -> Turns:
    """Seconds and MB of each turn of a dry run, whose output must hold the text `said`."""
    found: Turns = {seeds: [] for seeds in projects}
    for _ in range(turns):
        for seeds, project in projects.items():
            text, seconds, memory = _snakemake(project, "-n")
            if said not in text:
                raise SystemExit(f"{seeds} seeds: expected '{said}', got\n{text[-3000:]}")
            found[seeds].append((seconds, memory))
    return found


def _snakemake(project: Path, *arguments: str) -> tuple[str, float, float]:
    """What snakemake says, the seconds it takes and the MB of memory at its peak."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        child = subprocess.Popen(
            command, cwd=project, env={**os.environ, "PYTHONPATH": str(project)}, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        output.seek(0)
        text = output.read()
    if status:
        raise SystemExit(text[-3000:])
    return text, seconds, usage.ru_maxrss / 1024


def _cells(turns: list[tuple[float, float]]) -> list[str]:
    return [
        f"{statistics.median(seconds for seconds, _ in turns):.1f} s",
        f"{max(memory for _, memory in turns):.0f} MB",
    ]


if __name__ == "__main__":
    main()
