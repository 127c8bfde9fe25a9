"""A disk that is full while a state or a checkpoint is written."""

import torch

from acnet.cli import main
from acnet.train.train import train_run
from tests.tiny import prepare, tiny_run, weights, write_params


def test_a_full_disk_is_one_line_and_training_goes_on_from_the_last_state_once_there_is_room(
    tmp_path, small_disk, capsys
):
    prepare(tmp_path / "data")
    params = tiny_run(epochs=10, save_minutes=0.0)
    train_run(params, tmp_path / "undisturbed" / "seed0", tmp_path / "data")
    disk = small_disk(7 * 1024)  # a state takes a fifth of it
    folder = disk / "tiny" / "seed0"
    folder.mkdir(parents=True)
    file = write_params(folder, params)
    ballast = disk / "ballast"
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
    expected = weights(tmp_path / "undisturbed" / "seed0")
    assert all(torch.equal(value, expected[name]) for name, value in weights(folder).items())
