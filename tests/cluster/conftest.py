"""One Slurm for all tests of a process, and copies of the project that run on it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.cluster.slurm import Slurm, missing
from tests.workflow.conftest import Project, copy_project, shorten

# Of the profile's settings, only those that say how long to wait.
EVERY_SECOND = ("--seconds-between-status-checks", "1")
PATIENCE = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
RUN = "results/mini/fcn_s16/seed0"
METRICS = f"{RUN}/metrics/single.json"
# A job or more of each rule that is submitted, but for prepare.
TARGETS = ("table5", "figure4", "results/mini/acb3/seed0/metrics/single.json")
# The plugin waits five seconds before each sbatch, and each time that no job has ended ten seconds longer.
_ASK_OFTEN = """
import time, types
import snakemake_executor_plugin_slurm as slurm
slurm.Executor.next_seconds_between_status_checks = property(lambda _: 0.5, lambda *_: None)
slurm.time = types.SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.5)))
"""
# The longest tests first, so that the processes end at about the same time.
_ORDER = ("test_mishaps", "test_several", "test_campaign", "test_kubernetes", "test_generic", "test_profiles")
# Each job notes its Slurm id, the GPU it was given and the minutes it has.
_NOTE = (
    "sh -c 'echo $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES:-none}} ${{ACNET_TIME_LIMIT:-none}} >> jobs.txt; exec $0 $@' "
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of this folder into `_ORDER`."""
    own = [item for item in items if item.path.parent == Path(__file__).parent]
    ordered = iter(sorted(own, key=lambda item: _ORDER.index(item.path.stem)))
    items[:] = [next(ordered) if item in own else item for item in items]


class ClusterProject(Project):
    """A copy of the project whose snakemake submits to a Slurm of its own."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.slurm: Slurm
        self._started: list[subprocess.Popen] = []

    def start(self, *arguments: str, profile: str = "slurm") -> subprocess.Popen:
        """Start snakemake with a profile as the guide says, and do not wait for it."""
        chosen = ("--workflow-profile", f"workflow/profiles/{profile}")
        command = [sys.executable, "workflow/start.py", *chosen, *PATIENCE, *arguments]
        output = open(self.folder / "output.txt", "a")  # noqa: SIM115 - the child's
        environment = {**self.slurm.environment(), "PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}
        started = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            # As in a terminal: whoever started the tests in the background had Ctrl-C ignored, and children inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._started.append(started)
        return started

    def end(self) -> None:
        """End what a failed test left behind."""
        for snakemake in self._started:
            snakemake.kill()
            snakemake.wait()
        self.slurm.run("scancel", "--user=root")

    def finish(self, snakemake: subprocess.Popen, seconds: float = 300) -> None:
        """Wait for snakemake, which must end well."""
        try:
            code = snakemake.wait(seconds)
        except subprocess.TimeoutExpired:
            snakemake.send_signal(signal.SIGINT)
            snakemake.wait(60)
            code = f"none after {seconds} s"
        assert code == 0, f"snakemake's status: {code}\n{self.output()[-8000:]}"

    def output(self) -> str:
        """All that the snakemakes have said so far."""
        return (self.folder / "output.txt").read_text()

    def jobs(self) -> list[list[str]]:
        """Slurm's id, GPUs and minutes of each start of a training or measurement, in order."""
        file = self.folder / "jobs.txt"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def training_job(self, state: str = "running") -> str:
        """Wait until this project's training is in a state, and if running, has saved; return its Slurm job."""
        found: dict[str, str] = {}

        def there() -> bool:
            jobs = self.slurm.jobs(state)
            found.clear()
            found.update({job: rule for job, rule in jobs.items() if rule.startswith("rule_train")})
            saved = state != "running" or any((self.folder / RUN / "resume").glob("state*.pt"))
            return bool(found) and saved

        self.slurm.wait(there, f"a training to be {state}", 120)
        return next(iter(found))


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A running Slurm of one node with two GPUs; skips, saying why, where none can be started."""
    yield from _running(1)


@pytest.fixture(scope="session")
def two_nodes() -> Iterator[Slurm]:
    """A running Slurm of two nodes with a GPU each."""
    yield from _running(2)


def _running(nodes: int) -> Iterator[Slurm]:
    if reason := missing():
        pytest.skip(reason)
    # A short path: Slurm's sockets lie in it, whose names may have a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="acnet-slurm-"))
    slurm = Slurm(folder, nodes)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> Project:
    """A copy in which what the tests ask for was run without Slurm; all test processes share it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "reference"
    with FileLock(shared / "reference.lock"):
        if not folder.exists():
            project = copy_project(shared / "making")
            _adapt(project)
            project.snakemake(METRICS, *TARGETS, "--cores", "2", "--resources", "gpu=2")
            project.folder.rename(folder)
    return Project(folder)


@pytest.fixture
def project(unstarted, slurm) -> Iterator[ClusterProject]:
    """A copy in which nothing is trained, on Slurm."""
    unstarted.slurm = slurm
    yield unstarted
    unstarted.end()


@pytest.fixture
def on_two_nodes(unstarted, two_nodes) -> Iterator[ClusterProject]:
    """A copy in which nothing is trained, on Slurm's two nodes."""
    unstarted.slurm = two_nodes
    yield unstarted
    unstarted.end()


@pytest.fixture
def unstarted(reference, tmp_path) -> ClusterProject:
    """A copy with the reference's data and parameters, and nothing trained."""
    folder = tmp_path / "project"
    shutil.copytree(reference.folder, folder, symlinks=True)
    for name in ("reports", ".snakemake", "jobs.txt"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (folder / "results").rglob("*"):
        if path.is_file() and path.name != "params.yaml":
            path.unlink()
    return ClusterProject(folder)


def _adapt(project: Project) -> None:
    """Cut the schedule; one run saves often, slow while a file `slow` exists; a GPU for each job, which notes it."""
    shorten(project)
    project.edit("params/runs.yaml", "fcn_s16:     {dataset: cityscapes,", "fcn_s16: {epochs: 80, dataset: cityscapes,")
    project.edit("params/scales/mini.yaml", "comparable:", "gpus: 1\ncomparable:")
    with open(project.folder / "Snakefile", "a") as snakefile:
        snakefile.write(_ASK_OFTEN)
    begun = "set_learning_rate(optimizer, learning_rate)"
    slow = f"{begun}; __import__('time').sleep(Path('slow').exists())"
    project.edit("acnet/train/train.py", begun, slow)
    recipe = project.folder / "params/recipe.yaml"
    text, count = re.subn(r"save_minutes: +\{value: [\d.]+", "save_minutes: {value: 0.01", recipe.read_text())
    assert count == 1
    recipe.write_text(text)
    project.edit("workflow/rules/train.smk", "acnet train", _NOTE + "acnet train")
    project.edit("workflow/rules/evaluate.smk", "acnet evaluate", _NOTE + "acnet evaluate")
