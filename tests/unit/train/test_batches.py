"""A batch is a function of the seed and the step."""

import pytest
import torch

from acnet.errors import NonRetryableError
from acnet.train.batches import batches, share, training_samples
from tests.tiny import changed, tiny_run

RUN = tiny_run(seed=3)


@pytest.fixture
def samples(prepared):
    return training_samples(RUN, prepared / "mini_camvid")


def test_batches_do_not_depend_on_the_number_of_workers(samples):
    one, three = (list(batches(samples, changed(RUN, threads=n), 0, 7, range(2))) for n in (1, 3))
    assert len(one) == 7
    assert all(torch.equal(a, b) for x, y in zip(one, three, strict=True) for a, b in zip(x, y, strict=True))


def test_batches_after_resuming_are_those_of_an_undisturbed_run(samples):
    whole, rest = (list(batches(samples, RUN, start, 7, range(2))) for start in (0, 4))
    assert torch.equal(torch.cat([x for x, _ in whole[4:]]), torch.cat([x for x, _ in rest]))
    assert not torch.equal(whole[0][0], whole[3][0])


def test_the_shares_of_all_processes_make_the_batch_in_order(samples):
    run = changed(RUN, batch=4)
    whole = next(batches(samples, run, 2, 3, range(4)))
    parts = [next(batches(samples, run, 2, 3, share(4, 1, rank, 2))) for rank in range(2)]
    assert torch.equal(whole[0], torch.cat([images for images, _ in parts]))


def test_a_micro_batch_holds_the_same_images_however_many_processes_there_are():
    assert share(8, 2, rank=0, world_size=1) == list(range(8))
    assert [share(8, 2, rank, world_size=2) for rank in range(2)] == [[0, 1, 4, 5], [2, 3, 6, 7]]


def test_a_label_beyond_the_classes_is_named_with_its_image(samples):
    with pytest.raises(NonRetryableError, match=r"image street_\d: its label has class 10, the run has 5"):
        list(batches(samples, changed(RUN, classes=5), 0, 7, range(2)))
