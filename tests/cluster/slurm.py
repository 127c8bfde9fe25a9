"""A real Slurm on the loopback interface, two pretend GPUs on one node or two; everything of it lies in one folder.

    python -m tests.cluster.slurm start FOLDER    # starting twice is starting once; prints the SLURM_CONF to export
    python -m tests.cluster.slurm stop FOLDER     # jobs and daemons end, the folder goes

It needs root, and Debian's slurm-wlm and munge; it touches no configuration of the system's.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

GPUS = 2
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel")
_SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_CONF = """\
ClusterName=acnet
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
# A job put back waits as long as a credential may live; two minutes otherwise.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
# The node may have fewer cores than its jobs ask for.
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
# A node is given up, a job killed at its limit and one that waits started sooner than on a cluster.
SlurmdTimeout=10
KillWait=1
SchedulerParameters=sched_interval=1,batch_sched_delay=1,bf_interval=1
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=other Nodes=ALL Default=NO MaxTime=INFINITE State=UP
"""
_NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory} "
    "Gres=gpu:{gpus} State=UNKNOWN"
)


def missing() -> str | None:
    """Why no Slurm can be started here; None if one can."""
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_SEARCHED) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian, Ubuntu: apt install slurm-wlm munge)"
    return None if os.geteuid() == 0 else "a Slurm of its own is started by root only"


class Slurm:
    """The cluster in `folder`; the folder alone holds what is known of it, so that any process may stop it."""

    def __init__(self, folder: Path, nodes: int = 1):
        self.folder = folder.resolve()
        self.conf = self.folder / "slurm.conf"
        host = socket.gethostname().split(".")[0]
        self.nodes = [host] if nodes == 1 else [f"{host}-{number}" for number in range(nodes)]

    def environment(self) -> dict[str, str]:
        """What a process needs to talk to this cluster, and to no other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        path = os.pathsep.join([str(self.folder / "bin"), kept.get("PATH", os.defpath)])
        return {**kept, "SLURM_CONF": str(self.conf), "PATH": path}

    def start(self) -> None:
        """Start what is not running yet; return once the node takes jobs."""
        if not self.conf.exists():
            self._write()
        self._munged()
        self.start_controller()
        self.start_nodes()
        # What a node takes when it comes back is idle or a job's.
        self.wait(lambda: self.states() <= {"idle", "mixed", "allocated"} and self.states(), "the nodes to take jobs")

    def stop(self) -> None:
        """End every job and daemon and remove the folder; nothing is left to do where nothing runs."""
        # Nothing of it is kept, so nothing has to end in order: no new job, no running one, no daemon.
        self.kill("slurmctld")
        for file in self.folder.glob("slurmd-*.pid"):
            self.kill_node(file.stem.removeprefix("slurmd-"))
        self.kill("munged")
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> str:
        """The output of a Slurm command."""
        done = subprocess.run(command, env=self.environment(), text=True, capture_output=True, timeout=60)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def states(self) -> set[str]:
        """The nodes' states, such as idle; empty while the controller does not answer."""
        lines = self.run("sinfo", "--noheader", "--partition=main", "--format=%T", check=False).split()
        # A star is a node that does not answer, or has not yet.
        return set(lines)

    def jobs(self, state: str = "all") -> dict[str, str]:
        """Job id to its comment, which names the rule and its wildcards, of the jobs in a state."""
        lines = self.run("squeue", "--noheader", f"--states={state}", "--format=%i %k").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def start_controller(self) -> None:
        """Start slurmctld, or leave the one that runs."""
        if not self._alive("slurmctld"):
            self._daemon("slurmctld")
        self.wait(lambda: "UP" in self.run("scontrol", "ping", check=False), "slurmctld")

    def start_nodes(self) -> None:
        """Start each node's slurmd, or leave the one that runs."""
        for node in self.nodes:
            if not self._alive(f"slurmd-{node}"):
                self._daemon(f"slurmd-{node}", "-N", node)

    def kill(self, name: str) -> None:
        """Kill a daemon as a crash would."""
        process = self._process(name)
        if process is not None:
            _kill([*_children(process), process])

    def kill_node(self, node: str) -> None:
        """Kill a node's slurmd, and every job's processes there, as a loss of power would."""
        self.kill(f"slurmd-{node}")
        self._kill_jobs(node)

    def _kill_jobs(self, node: str) -> None:
        steps = [process for process in psutil.process_iter() if self._is_step(process, node)]
        _kill([*(child for step in steps for child in _children(step)), *steps])

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait until a condition holds; TimeoutError with the daemons' last words if it never does."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                last = "\n".join(log.read_text()[-2000:] for log in sorted(self.folder.glob("slurm*.log")))
                raise TimeoutError(f"waited {seconds} s for {what}\n{last}")
            time.sleep(0.2)

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        for name in ("state", "bin", *(f"spool-{node}" for node in self.nodes)):
            (self.folder / name).mkdir(exist_ok=True)
        # Snakemake's job steps drop SLURM_CONF, as they may where slurm.conf lies in its usual place.
        srun = self.folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {shutil.which("srun", path=_SEARCHED)} "$@"\n')
        srun.chmod(0o755)
        devices = [self.folder / f"gpu{number}" for number in range(GPUS)]
        for device in devices:
            # Slurm only asks that the file be there; this one is /dev/null by another name.
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        each = GPUS // len(self.nodes)
        lines = [f"NodeName={self.nodes[n // each]} Name=gpu File={device}\n" for n, device in enumerate(devices)]
        (self.folder / "gres.conf").write_text("".join(lines))
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        facts = {
            "host": socket.gethostname().split(".")[0],
            "folder": self.folder,
            "controller_port": _free_port(),
            "cpus": max(4, os.cpu_count() or 1),
            "memory": psutil.virtual_memory().total // 2**20,
            "gpus": each,
        }
        nodes = [_NODE.format(name=node, port=_free_port(), **facts) for node in self.nodes]
        self.conf.write_text(_CONF.format(nodes="\n".join(nodes), **facts))

    def _munged(self) -> None:
        if self._alive("munged"):
            return
        places = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid"}
        places |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        # Forced, since /tmp is writable by all; the folder within it is not.
        self._daemon("munged", "--force", *(f"--{name}={self.folder / file}" for name, file in places.items()))

    def _daemon(self, name: str, *arguments: str) -> None:
        program = shutil.which(_program(name), path=_SEARCHED)
        subprocess.run(
            [program, *arguments], env=self.environment(), check=True, stdin=subprocess.DEVNULL, capture_output=True
        )
        self.wait(lambda: self._alive(name), name)

    def _process(self, name: str) -> psutil.Process | None:
        with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
            process = psutil.Process(int((self.folder / f"{name}.pid").read_text()))
            if process.name() == _program(name) and _lives(process):
                return process
        return None

    def _alive(self, name: str) -> bool:
        return self._process(name) is not None

    def _is_step(self, process: psutil.Process, node: str) -> bool:
        # Its command line and environment tell nothing; slurmd's log, which it writes on, does.
        with contextlib.suppress(psutil.Error):
            return process.name() == "slurmstepd" and any(
                Path(file.path) == self.folder / f"slurmd-{node}.log" for file in process.open_files()
            )
        return False


def _program(daemon: str) -> str:
    """The program of a daemon: slurmd of slurmd-NODE."""
    return daemon.partition("-")[0]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    end = time.monotonic() + 10
    while any(map(_lives, processes)) and time.monotonic() < end:
        time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    # A daemon's zombie stays until the machine's first process looks.
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main() -> None:
    """Start or stop a cluster from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument("folder", type=Path)
    parsed = parser.parse_args()
    slurm = Slurm(parsed.folder)
    if parsed.action == "stop":
        slurm.stop()
        return
    if reason := missing():
        sys.exit(f"no Slurm can be started here: {reason}")
    slurm.start()
    print(f"export SLURM_CONF={slurm.conf}")


if __name__ == "__main__":
    main()
