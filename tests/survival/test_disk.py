"""A disk that is full while a state or a checkpoint is written."""

import subprocess

import pytest
import torch

from acnet.cli import main
from acnet.train.train import train_run
from tests.tiny import prepare, tiny_run, write_params


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 7 MiB: a state takes a fifth of it."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=7m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_training_goes_on_from_the_last_state_once_there_is_room(
    tmp_path, small_disk, capsys
):
    prepare(tmp_path / "data")
    params = tiny_run(epochs=10, save_minutes=0.0)
    train_run(params, tmp_path / "undisturbed" / "seed0", tmp_path / "data")
    folder = small_disk / "tiny" / "seed0"
    folder.mkdir(parents=True)
    file = write_params(folder, params)
    ballast = small_disk / "ballast"
    states = 0
    for size in (7160, 6500, 5600, 4700, 3700, 1900, 0):  # ever more room
        ballast.write_bytes(bytes(1024 * size))
        asked = ["--data-root", str(tmp_path / "data"), "train", "--params", str(file)]
        if main(asked) != 0:
            said = capsys.readouterr().err.splitlines()[-1]
            assert said.startswith("acnet: ")
            assert "space" in said
            assert not list((folder / "resume").glob("lock*"))
            assert not (folder / "checkpoint.pt").exists()
            found = len(list((folder / "resume").glob("state-*.pt")))
            assert found >= min(states, 1)
            states = found
        else:
            break
    else:
        raise AssertionError("never finished")
    assert states > 0
    expected = torch.load(tmp_path / "undisturbed" / "seed0" / "checkpoint.pt", weights_only=True)["network"]
    weights = torch.load(folder / "checkpoint.pt", weights_only=True)["network"]
    assert all(torch.equal(weights[name], value) for name, value in expected.items())
