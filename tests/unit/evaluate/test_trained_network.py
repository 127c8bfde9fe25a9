import pytest
import torch
from torch import nn

from acnet.evaluate.trained_network import InferenceNetwork, fold_batch_norm
from tests.tiny import changed


@pytest.fixture
def build(run):
    """A function from changes of the parameters to a network in eval mode whose BN has something to do."""

    def make(**changes) -> nn.Module:
        run.config = changed(run.config, **changes)
        network = run.network()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values, low, high in (
                    (module.running_mean, -0.5, 0.5), (module.running_var, 0.5, 2),
                    (module.weight.data, 0.5, 2), (module.bias.data, -0.5, 0.5),
                ):  # fmt: skip
                    values.uniform_(low, high)
        return network

    return make


@pytest.mark.parametrize("changes", [{}, {"backbone": "resnet50", "stem": "deep"}, {"auxiliary": True}], ids=str)
def test_a_folded_network_gives_the_same_without_any_normalisation_left(build, changes):
    network, images = build(**changes).double(), torch.randn(2, 3, 40, 56, dtype=torch.float64)
    with torch.no_grad():
        before = network(images)
        folded = fold_batch_norm(network)
        after = folded(images)
    assert not [name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert torch.allclose(after["logits"], before["logits"], rtol=1e-10, atol=1e-10)
    for mine, theirs in zip(after["gates"], before["gates"], strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-10)


def test_inference_folds_in_float32_and_leaves_autocast_to_the_network_itself(build):
    network, images = build(), torch.randn(1, 3, 40, 56)
    inference = InferenceNetwork(network)
    with torch.inference_mode():
        exact, plain = inference(images, native=True)["logits"], network(images, native=True)["logits"]
        assert torch.allclose(exact, plain, atol=1e-4) and not torch.equal(exact, plain)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(inference(images)["logits"], network(images)["logits"])
