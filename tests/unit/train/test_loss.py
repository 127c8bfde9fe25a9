"""The losses against plain formulas."""

import math

import pytest
import torch
from torch.nn import functional

from acnet.model.layers import Extra
from acnet.train.loss import hard_pixels, pixel_losses, total_loss
from tests.tiny import tiny_run


@pytest.fixture
def batch():
    """Scores (2, 5, 4, 6) and labels (2, 13, 17), a fifth of them ignored."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 5, 4, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 5, (2, 13, 17), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = 255
    return scores, labels


def plain_losses(scores, labels, align_corners=True):
    full = functional.interpolate(scores, labels.shape[1:], mode="bilinear", align_corners=align_corners)
    return functional.cross_entropy(full, labels, ignore_index=255, reduction="none")


def settings(**changes):
    return tiny_run(**changes).train


@pytest.mark.parametrize("align_corners", [True, False])
def test_pixel_losses_and_their_gradient_are_those_of_upsampling_and_cross_entropy(batch, align_corners):
    scores, labels = batch
    weights = torch.rand(labels.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (expected,) = torch.autograd.grad((plain_losses(scores, labels, align_corners) * weights).sum(), scores)
    losses = pixel_losses(scores, labels, align_corners)
    (found,) = torch.autograd.grad((losses * weights).sum(), scores)
    assert torch.allclose(losses, plain_losses(scores, labels, align_corners), atol=1e-12)
    assert torch.allclose(found, expected, atol=1e-12)


def test_one_image_at_a_time_is_held_at_full_size(batch, monkeypatch):
    scores, labels = batch
    shapes, interpolate, backward = [], functional.interpolate, torch.ops.aten.upsample_bilinear2d_backward

    def spy(image, **how):
        shapes.append(tuple(image.shape))
        return interpolate(image, **how)

    def spy_backward(full, *others):
        shapes.append(tuple(full.shape))
        return backward(full, *others)

    monkeypatch.setattr(functional, "interpolate", spy)
    monkeypatch.setattr(torch.ops.aten, "upsample_bilinear2d_backward", spy_backward)
    losses = pixel_losses(scores, labels, True)
    kept = [tensor.shape for tensor in losses.grad_fn.saved_tensors]
    losses.sum().backward()
    assert sorted(shapes) == [(1, 5, 4, 6)] * 4 + [(1, 5, 13, 17)] * 2
    assert kept == [scores.shape, labels.shape]


def test_the_loss_is_the_mean_over_pixels_that_are_not_void(batch):
    scores, labels = batch
    valid = labels != 255
    found = total_loss({"logits": scores}, labels, settings(), True, int(valid.sum()))
    assert found["total"].item() == pytest.approx(plain_losses(scores, labels)[valid].mean().item(), abs=1e-12)
    assert set(found) == {"total", "main"}


@pytest.mark.parametrize("ohem", [True, False])
def test_a_batch_of_void_alone_has_loss_and_gradient_zero(batch, ohem):
    scores, labels = batch
    ignored = torch.full_like(labels, 255)
    found = total_loss({"logits": scores, "auxiliary": scores}, ignored, settings(ohem=ohem), True, 0)["total"]
    (gradient,) = torch.autograd.grad(found, scores)
    assert found.item() == 0
    assert torch.count_nonzero(gradient) == 0


def test_a_crop_of_void_alone_leaves_the_loss_of_the_others(batch):
    scores, labels = batch
    labels[1] = 255
    valid = int((labels != 255).sum())
    both = total_loss({"logits": scores}, labels, settings(), True, valid)["total"]
    alone = total_loss({"logits": scores[:1]}, labels[:1], settings(), True, valid)["total"]
    assert both.item() == alone.item() > 0
    assert torch.count_nonzero(torch.autograd.grad(both, scores)[0][1]) == 0


@pytest.mark.parametrize("ohem", [False, True])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_single_score_that_is_not_finite_is_seen_in_the_loss(batch, ohem, value):
    scores, labels = batch
    broken = scores.detach().clone()
    broken[1, 2, 3, 4] = value
    assert not total_loss({"logits": broken}, labels, settings(ohem=ohem), True, 300)["total"].isfinite()


def test_the_auxiliary_loss_counts_with_its_weight_and_never_by_ohem(batch):
    scores, labels = batch
    valid = int((labels != 255).sum())
    output = {"logits": scores, "auxiliary": 2 * scores}
    found = total_loss(output, labels, settings(ohem=True, auxiliary_weight=0.25), True, valid)
    auxiliary = plain_losses(2 * scores, labels).sum() / valid
    assert found["auxiliary"].item() == pytest.approx(auxiliary.item(), abs=1e-12)
    assert found["total"].item() == pytest.approx((found["main"] + 0.25 * auxiliary).item(), abs=1e-12)


def test_extra_outputs_count_with_their_weights_pixels_and_presence_alike(batch):
    scores, labels = batch
    valid = int((labels != 255).sum())
    presence = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    labels[1, labels[1] == 2] = 255  # the second image lacks class 2
    valid = int((labels != 255).sum())
    extra = [Extra(3 * scores, 0.5), Extra(presence, 0.2)]
    found = total_loss({"logits": scores, "extra": extra}, labels, settings(ohem=True), True, valid)
    pixels = plain_losses(3 * scores, labels).sum() / valid
    occurs = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 1, 1]], dtype=torch.float64)
    chance = torch.sigmoid(presence)
    missed = -(occurs * chance.log() + (1 - occurs) * (1 - chance).log()).mean()
    assert found["total"].item() == pytest.approx((found["main"] + 0.5 * pixels + 0.2 * missed).item(), abs=1e-12)
    assert set(found) == {"total", "main", "kept"}


def test_extra_losses_of_micro_batches_add_up_to_that_of_the_batch(batch):
    scores, labels = batch
    valid = int((labels != 255).sum())
    presence = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def total(part):
        output = {"logits": scores[part], "extra": [Extra(scores[part], 1.0), Extra(presence[part], 1.0)]}
        return total_loss(output, labels[part], settings(), True, valid)["total"].item()

    assert total(slice(0, 1)) + total(slice(1, 2)) == pytest.approx(total(slice(0, 2)), abs=1e-12)


def test_ohem_takes_the_pixels_whose_true_class_is_at_most_as_likely_as_the_threshold(batch):
    scores, labels = batch
    losses = plain_losses(scores, labels).detach()
    kept, count = hard_pixels(losses, labels, 0.2, 0.0)
    expected = (torch.exp(-losses) <= 0.2) & (labels != 255)
    assert 0 < expected.sum() < (labels != 255).sum()
    assert torch.equal(kept, expected)
    assert count == expected.sum()


def test_ohem_fills_up_with_the_hardest_until_the_share_of_all_pixels_void_included(batch):
    scores, labels = batch
    losses = plain_losses(scores, labels).detach()
    kept, count = hard_pixels(losses, labels, 1e-9, 0.1)
    number = math.ceil(0.1 * labels.numel())
    limit = losses[labels != 255].sort(descending=True).values[number - 1]
    assert count == number
    assert torch.equal(kept, (losses >= limit) & (labels != 255))


def test_ohem_asked_for_more_pixels_than_are_valid_takes_all_of_them(batch):
    scores, labels = batch
    kept, _ = hard_pixels(plain_losses(scores, labels).detach(), labels, 1e-9, 1.0)
    assert torch.equal(kept, labels != 255)


def test_the_main_loss_with_ohem_is_the_mean_over_hard_pixels_and_their_share_is_told(batch):
    scores, labels = batch
    losses = plain_losses(scores, labels).detach()
    hard = losses[(torch.exp(-losses) <= 0.3) & (labels != 255)]
    train = settings(ohem=True, ohem_threshold=0.3, ohem_keep=0.0)
    found = total_loss({"logits": scores}, labels, train, True, 1)
    assert found["main"].item() == pytest.approx(hard.mean().item(), abs=1e-12)
    assert found["kept"].item() == pytest.approx(len(hard) / labels.numel())
