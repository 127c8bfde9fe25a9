import numpy as np
import pytest
import torch
from PIL import Image

from acnet.data.transforms import (
    Augmentation,
    augment,
    nearest_region,
    normalise,
    resampled_region,
    scaled_size,
)

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (37, 53, 3), np.uint8)
LABEL = RNG.integers(0, 19, (37, 53), np.uint8)


def test_normalise_follows_imagenet():
    pixel = np.full((1, 1, 3), (255, 0, 127), np.uint8)
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (127 / 255 - 0.406) / 0.225]
    assert normalise(pixel).flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_scale_one_gives_the_bytes_of_a_plain_crop():
    sample, target = augment(IMAGE, LABEL, Augmentation((16, 20), flip=0.0), np.random.default_rng(1))
    places = [
        (t, x)
        for t in range(37 - 15)
        for x in range(53 - 19)
        if (LABEL[t : t + 16, x : x + 20] == target.numpy()).all()
    ]
    ((top, left),) = places
    assert torch.equal(sample, normalise(IMAGE[top : top + 16, left : left + 20]))


@pytest.mark.parametrize("size", [(19, 27), (74, 106), (80, 33), (36, 53)])
@pytest.mark.parametrize("corner", ["first", "middle", "last"])
def test_a_resampled_region_equals_the_crop_of_the_whole_resized(size, corner):
    h, w = 17, 21
    top = {"first": 0, "middle": (size[0] - h) // 2, "last": size[0] - h}[corner]
    left = {"first": 0, "middle": (size[1] - w) // 2, "last": size[1] - w}[corner]
    whole = Image.fromarray(IMAGE).resize(size[::-1], Image.Resampling.BILINEAR)
    expected = np.asarray(whole)[top : top + h, left : left + w].astype(int)
    assert np.abs(resampled_region(IMAGE, size, (top, left, h, w)) - expected).max() <= 1
    nearest = Image.fromarray(LABEL).resize(size[::-1], Image.Resampling.NEAREST)
    expected = np.asarray(nearest)[top : top + h, left : left + w]
    assert (nearest_region(LABEL, size, (top, left, h, w)) == expected).all()


def test_a_small_image_is_padded_with_mean_and_void():
    sample, target = augment(IMAGE, LABEL, Augmentation((40, 60), flip=0.0), np.random.default_rng(0))
    assert sample.shape == (3, 40, 60)
    assert torch.equal(sample[:, :37, :53], normalise(IMAGE))
    assert (target[:37, :53].numpy() == LABEL).all()
    assert (sample[:, 37:] == 0).all()
    assert (sample[:, :, 53:] == 0).all()
    assert (target[37:] == 255).all()
    assert (target[:, 53:] == 255).all()


def test_mirroring_turns_image_and_label_together():
    how = Augmentation((37, 53), flip=1.0)
    sample, target = augment(IMAGE, LABEL, how, np.random.default_rng(0))
    assert torch.equal(sample, normalise(IMAGE[:, ::-1]))
    assert (target.numpy() == LABEL[:, ::-1]).all()


def test_one_side_becomes_base_size_times_scale():
    assert scaled_size((1024, 2048), None, 1.0) == (1024, 2048)
    assert scaled_size((1024, 2048), None, 2.2) == (2253, 4506)
    assert scaled_size((375, 500), 520, 1.0) == (520, 693)
    assert scaled_size((500, 375), 520, 0.5) == (347, 260)
    assert scaled_size((500, 375), 520, 1.0, "long") == (520, 390)


def test_scales_and_mirrors_are_drawn_over_their_range():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 255
    label = np.zeros((20, 20), np.uint8)
    how = Augmentation((40, 40), scale_range=(0.5, 2.0))
    sides, flipped = [], []
    for seed in range(60):
        sample, target = augment(image, label, how, np.random.default_rng(seed))
        sides.append(int((target == 0).sum(0).max()))
        flipped.append(bool(sample[0, 0, 0] > 0))
    assert 10 <= min(sides) <= 12
    assert 37 <= max(sides) <= 40
    assert 15 < sum(flipped) < 45
