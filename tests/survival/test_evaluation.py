"""An evaluation killed with -9 at every kind of moment, and shared by several processes: always the same files."""

import functools
from pathlib import Path

import pytest
import torch

from acnet.model import build_network
from tests.survival.children import ROOT, _before, die_now, start
from tests.tiny import prepare, tiny_run

RUN = tiny_run(blocks=3, auxiliary=False)


def evaluate(folder: Path, data: Path, moment: str | None = None, part: tuple[int, int] = (0, 1)) -> None:
    """Evaluate by two protocols at once; die with SIGKILL at `moment`."""
    from acnet.evaluate import evaluate as module
    from acnet.params.measures import load_measures
    from acnet.params.protocols import Protocol

    torch.set_num_threads(1)
    if moment is not None:
        MOMENTS[moment]()
    protocols = [
        Protocol(name="single", scales=[1.0]),
        Protocol(name="multi_flip", scales=[0.5, 1.0, 1.5], flip=True, window=[24, 32], stride=2 / 3, batch=3),
    ]
    measures = load_measures(ROOT / "params")
    module.evaluate_run(RUN, folder.parent / "checkpoint.pt", protocols, measures, data, folder / "metrics", part)


def _scoring(images: int) -> None:
    from acnet.evaluate.inference import Predictor

    _before(Predictor, "label_map", images)


def _half_of_an_images_counts() -> None:
    from acnet.evaluate import counts

    write, calls = counts.np.savez_compressed, [0]

    def dying(handle, **arrays):
        calls[0] += 1
        if calls[0] == 4:
            handle.write(b"half of it")
            handle.flush()
            die_now()
        write(handle, **arrays)

    counts.np.savez_compressed = dying


def _module(name: str) -> None:
    from acnet.evaluate import evaluate as module

    _before(module, name, 0)


def _half_a_file() -> None:
    from acnet import files

    # Six images by two protocols and the counts of the set are in place, the metrics are written and not yet named.
    _before(files.os, "replace", 13)


def _before_clearing() -> None:
    from acnet.evaluate import evaluate as module

    _before(module.shutil, "rmtree", 0)


MOMENTS = {
    "after the first protocol of an image": functools.partial(_scoring, 3),
    "in the middle of an image's counts": _half_of_an_images_counts,
    "before the counts": functools.partial(_module, "write_counts"),
    "between counts and metrics": functools.partial(_module, "write_json"),
    "with half a metrics file": _half_a_file,
    "before clearing up": _before_clearing,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with data, a checkpoint and the files of one undisturbed process below one/."""
    made = tmp_path_factory.mktemp("evaluation")
    prepare(made / "data")
    torch.manual_seed(0)
    described = {**RUN.values()["model"], "classes": RUN.classes}
    torch.save(
        {"network": build_network(RUN.model, RUN.classes).state_dict(), "params": described}, made / "checkpoint.pt"
    )
    finished(start(evaluate, made / "one", made / "data"))
    return made


def finished(*processes) -> None:
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "metrics").iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_moment_and_run_again_it_writes_the_same_files(folder, moment):
    place = folder / moment.replace(" ", "_")
    process = start(evaluate, place, folder / "data", moment)
    process.join(60)
    assert process.exitcode == -9
    finished(start(evaluate, place, folder / "data"))
    assert files(place) == files(folder / "one")
    assert not (place / "evaluating").exists()


def test_processes_at_the_same_time_write_the_same_files_as_one(folder):
    place = folder / "two_processes"
    finished(*(start(evaluate, place, folder / "data", None, (part, 2)) for part in range(2)))
    assert files(place) == files(folder / "one")
    assert not (place / "evaluating").exists()


def test_one_of_three_killed_and_run_again_completes_the_set(folder):
    place = folder / "one_of_three"
    dying = start(evaluate, place, folder / "data", "after the first protocol of an image", (1, 3))
    finished(*(start(evaluate, place, folder / "data", None, (part, 3)) for part in (0, 2)))
    dying.join(60)
    assert dying.exitcode == -9
    assert not (place / "metrics/multi_flip.json").exists()
    finished(start(evaluate, place, folder / "data", None, (1, 3)))
    assert files(place) == files(folder / "one")
