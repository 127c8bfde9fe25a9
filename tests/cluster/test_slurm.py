"""The Slurm that the other tests run on: started, stopped, and nothing left of it."""

import psutil

from tests.cluster.slurm import Slurm


def daemons(slurm: Slurm) -> dict[str, int]:
    return {file.stem: int(file.read_text()) for file in slurm.folder.glob("*.pid")}


def running(command: str) -> bool:
    words = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return any(" ".join(line).endswith(command) for line in words)


def test_starting_twice_is_starting_once(slurm):
    started = daemons(slurm)
    slurm.start()
    assert daemons(slurm) == started and set(started) == {"munged", "slurmctld", f"slurmd-{slurm.nodes[0]}"}


def test_it_listens_on_the_loopback_interface_only(slurm):
    for pid in daemons(slurm).values():
        for connection in psutil.Process(pid).net_connections("tcp"):
            assert connection.laddr.ip == "127.0.0.1"


def test_stopping_leaves_nothing(slurm):
    other = Slurm(slurm.folder.with_name(slurm.folder.name + "-other"))
    other.start()
    started = daemons(other)
    other.run("sbatch", "--gpus=1", "--output=/dev/null", "--wrap=srun sleep 317 & sleep 318")
    other.wait(lambda: running("sleep 317") and running("sleep 318"), "the job")
    other.stop()
    other.stop()
    assert not other.folder.exists()
    assert not running("sleep 317") and not running("sleep 318")
    left = [psutil.Process(pid) for pid in started.values() if psutil.pid_exists(pid)]
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in left)
    assert set(daemons(slurm)) == {"munged", "slurmctld", f"slurmd-{slurm.nodes[0]}"}
