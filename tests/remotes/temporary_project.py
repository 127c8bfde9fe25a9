"""A project in a temporary Git repository with fabricated runs, and real Git, DVC and Snakemake on it."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit" / "report"))

from fabricated import write_examples, write_gates, write_images, write_metrics, write_params  # noqa: E402

from acnet.params.campaign import Campaign  # noqa: E402
from acnet.params.run import run_folder, write_run  # noqa: E402

_TRACKED = (
    "Snakefile", "profiles", "workflow", "params", "dvc.yaml", "dvc.lock", ".dvcignore", ".gitignore", ".dvc/config",
    ".dvc/.gitignore", ".dvc/plots", "experiment",
)  # fmt: skip


@dataclasses.dataclass
class Project:
    """A checkout of the project; commands run in it with this environment's packages and the code under test."""

    root: Path

    def call(self, *command: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(command, cwd=self.root, env=_environment(), capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done

    def git(self, *arguments: str) -> str:
        return self.call("git", *arguments).stdout.strip()

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.call(sys.executable, "-m", "dvc", *arguments, check=check)

    def acnet(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.call(sys.executable, "-m", "acnet", *arguments, check=check)

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.call(sys.executable, "-m", "snakemake", "--cores", "1", *arguments, check=check)

    def kill_five_times(self, *arguments: str, before: Callable[[], None]) -> None:
        """Start `acnet ARGUMENTS` and kill -9 it, five times in the middle of its work, each at another moment.

        `before` gives it its whole work to do. The repository must be sound after each kill.
        """
        before()
        began = time.monotonic()
        self.acnet(*arguments)
        whole, hits = time.monotonic() - began, 0
        for attempt in range(20):
            before()
            process = subprocess.Popen(
                [sys.executable, "-m", "acnet", *arguments],
                cwd=self.root,
                env=_environment(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(whole * (0.25 + 0.7 * (attempt % 5) / 4))
            alive = process.poll() is None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if alive and process.wait() == -signal.SIGKILL:
                hits += 1
            else:
                whole *= 0.85  # the first time was slower: less went on beside it now
            self.git("fsck", "--strict")
            if hits == 5:
                return
        raise AssertionError(f"only {hits} of 20 kills met a living process")

    def commit(self, file: str, text: str) -> None:
        """A commit that changes one file."""
        (self.root / file).write_text(text)
        self.git("add", file)
        self.git("commit", "--quiet", "-m", f"change {file}")

    def rows(self) -> dict[str, dict]:
        """The rows of dvc exp show at HEAD by name, `workspace` and `HEAD` among them, each as one flat mapping."""
        shown = json.loads(self.dvc("exp", "show", "--json").stdout)
        found = {"workspace": _flat(shown[0]["data"]), "HEAD": _flat(shown[1]["data"])}
        for experiment in shown[1].get("experiments") or []:
            found[experiment["name"]] = _flat(experiment["revs"][0]["data"])
        return found

    def files(self) -> dict[str, str]:
        """The SHA-256 of everything generated, by path."""
        found = [file for name in ("data", "results", "reports") for file in (self.root / name).rglob("*")]
        return {
            file.relative_to(self.root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(found)
            if file.is_file()
        }

    def folder(self, run: str) -> Path:
        return self.root / "results" / "mini" / run / "seed0"


def _environment() -> dict[str, str]:
    """This environment, its own programs first, with the code under test."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1", "COLUMNS": "400"}


def make_project(root: Path) -> Project:
    """A Git repository with the project's files in one commit."""
    root.mkdir(parents=True)
    for name in _TRACKED:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("checkpoint.pt*", "__pycache__"))
        else:
            shutil.copy2(source, target, follow_symlinks=False)
    project = Project(root)
    project.git("init", "--quiet", "--initial-branch", "main")
    identify(project)
    project.git("add", "--all")
    project.git("commit", "--quiet", "-m", "the project")
    return project


def identify(project: Project) -> None:
    """Give a repository a user, whatever this machine's own settings."""
    for key, value in (("user.name", "a reader"), ("user.email", "reader@localhost"), ("commit.gpgsign", "false")):
        project.git("config", key, value)


def add_origin(project: Project) -> None:
    """A bare repository beside the project as its Git remote `origin`."""
    origin = project.root.parent / "origin.git"
    project.git("clone", "--quiet", "--bare", ".", str(origin))
    project.git("remote", "add", "origin", str(origin))


def use_remote(project: Project, url: object, **settings: str) -> None:
    """Make `url`, with its settings, the default DVC remote of a project, as `dvc remote add --local` would."""
    values = "".join(f"    {key} = {value}\n" for key, value in {"url": url, **settings}.items())
    with open(project.root / ".dvc/config.local", "a") as file:
        file.write(f"[core]\n    remote = store\n['remote \"store\"']\n{values}")


def clone(project: Project, root: Path) -> Project:
    """A fresh checkout of the project's origin."""
    project.git("clone", "--quiet", project.git("remote", "get-url", "origin"), str(root))
    other = Project(root)
    identify(other)
    return other


def train(project: Project, run: str, seed: int = 0, variant: str = "") -> None:
    """Fabricate a finished run; another `variant` is another training of it."""
    campaign = Campaign(project.root / "params", "mini")
    resolved = campaign.resolve(run, seed)
    folder = run_folder(project.root / "results", "mini", run, seed)
    write_params(folder, "mini", run, seed, resolved.reader)
    write_run(resolved, campaign.origins(run), folder / "params.yaml")
    checkpoint = hashlib.sha256(f"{run} {seed} {variant}".encode()).digest() * 64
    (folder / "checkpoint.pt").write_bytes(checkpoint)
    provenance = json.loads((folder / "provenance.json").read_text())
    provenance["checkpoint_sha256"] = hashlib.sha256(checkpoint).hexdigest()
    (folder / "provenance.json").write_text(json.dumps(provenance))
    manifest = project.root / "data" / resolved.dataset / "manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"dataset": resolved.dataset, "splits": {}}))


def fill(project: Project) -> None:
    """Fabricate the whole mini campaign: every run, with the protocols that the tables ask for, and examples."""
    campaign = Campaign(project.root / "params", "mini")
    tables, shown = campaign.tables, campaign.shown()
    trained = tables.trained(shown)
    for run in trained:
        train(project, run)
    for run, protocol in tables.sources(shown):
        reader = campaign.resolve(run, 0).reader
        file = write_metrics(project.folder(run), "mini", run, 0, protocol, reader)
        settings = campaign.protocol(protocol, run).identity()
        file.write_text(json.dumps({**json.loads(file.read_text()), "protocol": settings}))
        write_images(project.root / "results" / "mini", run, (50, 60, 70), protocol=protocol)
    for run in campaign.runs_with_gates(trained):
        write_gates(project.folder(run))
    for run in {run for name in campaign.scale.figures for run in tables.figures[name].example_runs()}:
        write_examples(project.folder(run), "cityscapes", gates=0 if run == "fcn_s16" else 3)
    now = time.time()
    for file in project.files():
        os.utime(project.root / file, (now, now))


def _flat(data: dict) -> dict:
    found = {"rev": data["rev"]}
    for kind in ("params", "metrics"):
        for file in data[kind].values():
            found |= _leaves(file["data"])
    return found


def _leaves(values: dict, head: str = "") -> dict:
    found = {}
    for key, value in values.items():
        found |= _leaves(value, f"{head}{key}.") if isinstance(value, dict) else {f"{head}{key}": value}
    return found
