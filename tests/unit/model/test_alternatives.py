"""Every row of the paper and every alternative to a decision takes an optimiser's step that lowers the loss."""

import pytest
import torch
import torch.nn.functional as F

from .variants import ROWS, small

ALTERNATIVES = {
    "deep stem": {"stem": "deep"},
    "prior dilation": {"dilation": "prior"},
    "output stride 8": {"output_stride": 8},
    "output stride 8, prior dilation": {"output_stride": 8, "dilation": "prior"},
    "multi-grid 4 8 16": {"multi_grid": [4, 8, 16]},
    "multi-grid on bottlenecks": {"multi_grid": [4, 8, 16], "backbone": "resnet50"},
    "resnet50": {"backbone": "resnet50"},
    "bare global convolution": {"global_conv": "conv1x1"},
    "convolution before pooling": {"global_conv": "conv_then_pool"},
    "scaled distance": {"distance": "scaled"},
    "shuffled gates": {"gate": "shuffled"},
    "half-pixel upsampling": {"align_corners": False},
    "auxiliary head": {"auxiliary": True},
    "three blocks of ungated local context": {"local_context": "lc"},
    "no gate at all, three blocks": {"global_context": "gc", "local_context": "lc"},
    "global context in the third block only": {"local_context": "lc", "global_blocks": [3]},
    "five fusions": {"reuse": 5},
    "a convolution after the context": {"after_context": "conv_bn_relu"},
    "dilated reduction": {"reduction_dilation": 6},
    "no global context, two blocks": {"global_context": "none", "local_context": "lc", "blocks": 2},
}
CASES = [(row, {}) for row in ROWS if row != "r101_acb3"] + [("acb3", changes) for changes in ALTERNATIVES.values()]
NAMES = [row for row in ROWS if row != "r101_acb3"] + list(ALTERNATIVES)
PROMISE = 1e-8


def loss_of(network, images, labels):
    torch.manual_seed(7)  # the same dropout before and after the step
    output = network(images)
    return sum(F.cross_entropy(output[name], labels) for name in ("logits", "auxiliary") if name in output)


@pytest.mark.parametrize(("row", "changes"), CASES, ids=NAMES)
def test_gradient_reaches_every_parameter_and_one_step_lowers_the_loss_as_it_promises(row, changes):
    network = small(row, **changes).double()
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, 49, 49, generator=generator, dtype=torch.double)
    labels = torch.randint(0, 5, (3, 49, 49), generator=generator)
    loss = loss_of(network, images, labels)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []
    steepness = sum(p.grad.square().sum() for p in network.parameters())
    # The step is short: BN over the pooled features of three images makes the loss bend at once.
    torch.optim.SGD(network.parameters(), lr=PROMISE / steepness.item()).step()
    gain = (loss - loss_of(network, images, labels)).item()
    assert gain == pytest.approx(PROMISE, rel=0.05)


def test_full_width_resnet101_is_assembled():
    with torch.device("meta"):
        network = small("r101_acb3", base_width=64, reduction=512, backbone="resnet101", multi_grid=[4, 8, 16])
    assert len(network.backbone.layer3) == 23
    assert network.auxiliary is not None
