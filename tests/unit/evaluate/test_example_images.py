import numpy as np
import pytest
import torch

from acnet.data.store import Store
from acnet.evaluate.example_images import choose, write_examples
from acnet.evaluate.inference import Predictor
from acnet.params.protocols import Protocol

PROTOCOL = Protocol(name="single", scales=[1.0], flip=True, window=[32, 40], stride=2 / 3)


def labels(*numbers):
    """One label per number, holding that many classes and ignored."""
    return [np.append(np.arange(12) % number, 255).astype(np.uint8)[None] for number in numbers]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [2]), (2, [1, 2]), (3, [0, 2, 4]), (5, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4]), (0, [])]
)
def test_each_stretch_gives_its_image_of_most_classes(run, count, expected):
    run.prepare(labels(1, 2, 5, 3, 4))
    assert choose(Store(run.data / "mini_camvid", "val"), count) == expected


def test_the_first_of_equals_is_chosen_and_void_is_no_class(run):
    run.prepare(labels(3, 3, 2) + [np.full((2, 2), 255, np.uint8)] * 2)
    assert choose(Store(run.data / "mini_camvid", "val"), 2) == [0, 2]


def test_examples_hold_image_label_prediction_and_gates(run, tmp_path):
    file = tmp_path / "examples.npz"
    write_examples(run.config, run.checkpoint, PROTOCOL, run.data, file, 2)
    store = Store(run.data / "mini_camvid", "val")
    with np.load(file, allow_pickle=False) as examples:
        names = list(examples["names"])
        assert names == ["street_0", "street_3"]
        for i, index in enumerate([0, 3]):
            image = store.image(index)
            assert (examples[f"image_{i}"] == image).all()
            assert (examples[f"label_{i}"] == store.label(index)).all()
            expected = Predictor(run.network(), 11, torch.device("cpu")).label_map(image, PROTOCOL, "")
            assert (examples[f"prediction_{i}"] == expected).all()
            for j, stride in enumerate((16, 8, 4)):
                gate = examples[f"gate_{i}_{j}"]
                assert gate.shape == tuple(-(-side // stride) for side in image.shape[:2])
                assert gate.dtype == np.float32
                assert gate.max() == 1
        assert len(examples.files) == 1 + 2 * (3 + 3)


def test_two_writings_are_equal_byte_by_byte(run, tmp_path):
    files = tmp_path / "a.npz", tmp_path / "b.npz"
    for file in files:
        write_examples(run.config, run.checkpoint, PROTOCOL, run.data, file, 3)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".npz", ".npz", ".pt"]
