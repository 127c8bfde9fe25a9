import numpy as np
import pytest
import torch

from acnet.data.store import Store
from acnet.data.training import TrainingSamples
from acnet.errors import AcnetError


def samples(folder, splits=("train",), batch=2, seed=0):
    stores = [Store(folder, s) for s in splits]
    return TrainingSamples(stores, (24, 32), None, (0.5, 2.0), 0.5, seed, batch)


def same(a, b):
    return torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) and a[2] == b[2]


def test_a_sample_depends_on_seed_and_number_only(prepared):
    first, second = samples(prepared["cityscapes"]), samples(prepared["cityscapes"])
    forward = [first[k] for k in range(12)]
    backward = [second[k] for k in reversed(range(12))][::-1]
    torch.manual_seed(5)
    np.random.seed(5)
    assert all(same(a, b) for a, b in zip(forward, backward, strict=True))
    assert not all(same(a, samples(prepared["cityscapes"], seed=1)[k]) for k, a in enumerate(forward))


def test_workers_give_the_same_samples(prepared):
    data = samples(prepared["ade20k"])
    loader = torch.utils.data.DataLoader(data, batch_size=2, sampler=range(4, 10), num_workers=1)
    for step, (images, labels, names) in enumerate(loader):
        for row in range(2):
            assert same((images[row], labels[row], names[row]), data[4 + 2 * step + row])


def test_an_epoch_is_a_permutation_without_its_last_incomplete_batch(prepared):
    data = samples(prepared["cityscapes"], batch=2)  # five images
    assert (data.steps_per_epoch, data.samples_per_epoch, len(data)) == (2, 4, 4)
    epochs = [[data[4 * e + i][2] for i in range(4)] for e in range(6)]
    assert all(len(set(names)) == 4 for names in epochs)
    assert len({tuple(names) for names in epochs}) > 1
    assert len({name for names in epochs for name in names}) == 5


def test_fewer_images_than_a_batch_repeat(prepared):
    data = samples(prepared["cityscapes"], batch=8)
    assert (data.steps_per_epoch, data.samples_per_epoch) == (1, 8)
    names = [data[k][2] for k in range(8)]
    assert names[5:] == names[:3]
    assert len(set(names)) == 5


def test_several_splits_are_one_pool(prepared):
    data = samples(prepared["cityscapes"], splits=("train", "val"), batch=7)
    assert data.images == 7
    assert {data[k][2] for k in range(7)} == {n for store in data.stores for n in store.names}


def test_shapes_and_types(prepared):
    image, label, name = samples(prepared["cocostuff10k"])[3]
    assert (image.shape, image.dtype) == ((3, 24, 32), torch.float32)
    assert (label.shape, label.dtype) == ((24, 32), torch.int64)
    assert isinstance(name, str)


def test_a_split_without_labels_cannot_be_trained_on(prepared):
    with pytest.raises(AcnetError, match="split 'test' has no labels"):
        samples(prepared["cityscapes"], splits=("test",))
