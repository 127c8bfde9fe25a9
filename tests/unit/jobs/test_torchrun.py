"""How a training over several processes is started."""

import socket

import pytest
import torch

from acnet import device
from acnet.cli import main
from acnet.errors import AcnetError
from acnet.jobs import torchrun
from tests.tiny import tiny_run, write_params

ARGUMENTS = ["train", "--params=params.yaml"]
IN_SLURM = {"SLURM_JOB_ID": "17", "CUDA_VISIBLE_DEVICES": "0,1"}


@pytest.fixture(autouse=True)
def srun(monkeypatch):
    monkeypatch.setattr(torchrun.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_on_one_node_the_system_chooses_the_port():
    words = torchrun.command(4, 1, 8, ARGUMENTS, {})
    assert "srun" not in words
    assert "--nproc-per-node=4" in words and "--rdzv-endpoint=127.0.0.1:0" in words
    assert words[-len(ARGUMENTS) - 2 :] == ["-m", "acnet", *ARGUMENTS]


def test_on_several_nodes_one_torchrun_on_each_meets_at_a_free_port_of_the_first():
    words = torchrun.command(8, 2, 6, ARGUMENTS, IN_SLURM)
    assert words[0] == "srun"
    assert {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--gpus-per-node=4", "--cpus-per-task=24"} <= {*words}
    assert {"--nnodes=2", "--nproc-per-node=4", "--rdzv-id=17"} <= {*words}
    (meeting,) = (word for word in words if word.startswith("--rdzv-endpoint="))
    host, port = meeting.removeprefix("--rdzv-endpoint=").split(":")
    assert host == socket.gethostname()
    with socket.socket() as listener:
        listener.bind(("", int(port)))


def test_nodes_without_gpus_are_asked_for_none():
    assert not [w for w in torchrun.command(2, 2, 1, ARGUMENTS, {"SLURM_JOB_ID": "17"}) if "gpu" in w]


def test_several_nodes_need_a_slurm_job():
    with pytest.raises(AcnetError, match="2 nodes need srun, which works only within a Slurm job"):
        torchrun.command(2, 2, 1, ARGUMENTS, {})


def test_each_process_gets_its_own_threads_and_what_the_user_set_for_nccl_stays():
    known = {"OMP_NUM_THREADS": "8", "MKL_NUM_THREADS": "8", "NCCL_DEBUG": "INFO", "NCCL_SOCKET_IFNAME": "ib0"}
    made = torchrun.environment(2, known)
    assert (made["OMP_NUM_THREADS"], made["MKL_NUM_THREADS"]) == ("2", "2")
    assert (made["NCCL_DEBUG"], made["NCCL_SOCKET_IFNAME"]) == ("INFO", "ib0")
    assert torchrun.environment(2, {})["NCCL_DEBUG"] == "WARN"


def test_a_process_that_torchrun_started_starts_no_other(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    torchrun.start_processes(4, 1, 1, ARGUMENTS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--processes 3", "--processes 3: the batch of run 'tiny', 2, cannot be split over 3 processes; choose"),
        ("--processes 2 --nodes 4", "--processes: 2 cannot be split over 4 nodes; choose a multiple of --nodes"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(tmp_path, capsys, words, said):
    file = write_params(tmp_path, tiny_run())
    assert main(["train", f"--params={file}", *words.split()]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("assigned", "taken"), [("2,3", 1), (None, 5)])
def test_a_process_takes_its_own_of_the_assigned_gpus_and_leases_one_where_nobody_has_assigned(
    monkeypatch, assigned, taken
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "set_device", lambda chosen: None)
    monkeypatch.setattr(device, "lease", lambda count: 5)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if assigned:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", assigned)
    assert device.set_up_device(1) == torch.device("cuda", taken)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    with pytest.raises(AcnetError, match=r"4 processes on this machine, but 2 GPUs \(CUDA_VISIBLE_DEVICES: 0,3\)"):
        device.set_up_device(1)
