"""A batch is a function of the seed and the step."""

import pytest
import torch

from acnet.data.store import Store
from acnet.data.training import TrainingSamples
from acnet.train.batches import batches
from acnet.train.failure import Incurable
from acnet.train.parallel import Processes


@pytest.fixture
def samples(prepared):
    store = Store(prepared / "mini_camvid", "train")
    return TrainingSamples([store], (32, 32), None, (0.5, 2.0), 0.5, seed=3, batch=2)


def test_batches_do_not_depend_on_the_number_of_workers(samples):
    one, three = list(batches(samples, 2, 0, 7, 1)), list(batches(samples, 2, 0, 7, 3))
    assert len(one) == 7
    assert all(torch.equal(a, b) for x, y in zip(one, three, strict=True) for a, b in zip(x, y, strict=True))


def test_batches_after_resuming_are_those_of_an_undisturbed_run(samples):
    whole, rest = list(batches(samples, 2, 0, 7, 1)), list(batches(samples, 2, 4, 7, 1))
    assert torch.equal(torch.cat([x for x, _ in whole[4:]]), torch.cat([x for x, _ in rest]))
    assert not torch.equal(whole[0][0], whole[3][0])


def test_the_shares_of_all_processes_make_the_batch_in_order(samples):
    whole = next(batches(samples, 4, 2, 3, 1))
    shares = [Processes(rank, 2).share(4, 1) for rank in range(2)]
    parts = [next(batches(samples, 4, 2, 3, 1, positions=share)) for share in shares]
    assert torch.equal(whole[0], torch.cat([images for images, _ in parts]))


def test_a_micro_batch_holds_the_same_images_however_many_processes_there_are():
    alone = Processes(0, 1).share(8, 2)
    both = [Processes(rank, 2).share(8, 2) for rank in range(2)]
    assert alone == list(range(8))
    assert [sorted(both[0][part] + both[1][part]) for part in (slice(0, 2), slice(2, 4))] == [alone[:4], alone[4:]]


def test_a_label_beyond_the_classes_is_named_with_its_image(samples):
    with pytest.raises(Incurable, match=r"image street_\d: its label has class 10, the run has 5"):
        list(batches(samples, 2, 0, 7, 1, classes=5))
