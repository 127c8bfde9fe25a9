"""The backbone: torchvision's names and values, and the dilation and stride of every 3x3 convolution."""

import pytest
import torch
from torch import nn

from acnet.model import ResNet
from acnet.model.resnet import BACKBONES

torchvision = pytest.importorskip("torchvision")


def their(name):
    """torchvision's network; it has no function for resnet10."""
    if name == "resnet10":
        return torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])
    return getattr(torchvision.models, name)(weights=None)


@pytest.mark.parametrize("name", BACKBONES)
def test_state_dict_has_torchvisions_keys_and_shapes(name):
    with torch.device("meta"):
        ours, theirs = ResNet(name), their(name)
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    ours.load_state_dict(state, strict=True, assign=True)
    theirs.fc = nn.Identity()
    theirs.load_state_dict(ours.state_dict(), strict=True, assign=True)


def their_features(theirs, images):
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
    features = []
    for i in range(1, 5):
        x = getattr(theirs, f"layer{i}")(x)
        features.append(x)
    return features


def same_weights(name, width=64, **options):
    torch.manual_seed(0)
    ours = ResNet(name, base_width=width, **options).eval()
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return ours


@pytest.mark.parametrize(("output_stride", "replace"), [(16, [False, False, True]), (8, [False, True, True])])
def test_features_equal_torchvisions_under_the_prior_rule(output_stride, replace):
    ours = same_weights("resnet50", output_stride=output_stride, dilation="prior")
    theirs = torchvision.models.resnet50(weights=None, replace_stride_with_dilation=replace).eval()
    theirs.fc = nn.Identity()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(1, 3, 49, 65)
    with torch.no_grad():
        for mine, other in zip(ours(images), their_features(theirs, images), strict=True):
            assert mine.shape == other.shape
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5 * other.abs().max().item())


def test_undilated_layers_of_resnet18_equal_torchvisions():
    ours = same_weights("resnet18")
    theirs = torchvision.models.resnet18(weights=None).eval()
    theirs.fc = nn.Identity()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(1, 3, 49, 65)
    with torch.no_grad():
        for mine, other in zip(ours(images)[:3], their_features(theirs, images)[:3], strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5 * other.abs().max().item())


def spatial(network):
    """(stride, dilation) of the 3x3 convolutions, layer by layer, block by block."""
    layers = [network.layer1, network.layer2, network.layer3, network.layer4]
    return [
        [
            [
                (m.stride[0], m.dilation[0])
                for m in block.modules()
                if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)
            ]
            for block in layer
        ]
        for layer in layers
    ]


def build(name, **options):
    with torch.device("meta"):
        return ResNet(name, base_width=8, **options)


# Rates of layer3 and of layer4, block by block; layer1 and layer2 are never dilated.
RATES = [
    ({"output_stride": 16, "dilation": "uniform"}, "resnet50", [1] * 6, [2, 2, 2]),
    ({"output_stride": 16, "dilation": "prior"}, "resnet50", [1] * 6, [1, 2, 2]),
    ({"output_stride": 8, "dilation": "uniform"}, "resnet50", [2] * 6, [4, 4, 4]),
    ({"output_stride": 8, "dilation": "prior"}, "resnet50", [1] + [2] * 5, [2, 4, 4]),
    ({"output_stride": 8, "dilation": "prior"}, "resnet101", [1] + [2] * 22, [2, 4, 4]),
    ({"output_stride": 16, "dilation": "uniform"}, "resnet10", [1], [2]),
    ({"output_stride": 8, "multi_grid": [4, 8, 16]}, "resnet10", [2], [4]),
    ({"output_stride": 16, "dilation": "prior"}, "resnet18", [1, 1], [1, 2]),
    ({"output_stride": 8, "dilation": "prior"}, "resnet18", [1, 2], [2, 4]),
    ({"output_stride": 16, "multi_grid": [4, 8, 16]}, "resnet101", [1] * 23, [4, 8, 16]),
    ({"output_stride": 16, "multi_grid": [2, 4, 8]}, "resnet34", [1] * 6, [2, 4, 8]),
    ({"output_stride": 16, "multi_grid": [4, 8, 16]}, "resnet18", [1, 1], [4, 8]),
    ({"output_stride": 16, "multi_grid": [4, 8, 16], "dilation": "prior"}, "resnet50", [1] * 6, [4, 8, 16]),
    ({"output_stride": 8, "multi_grid": [4, 8, 16]}, "resnet101", [2] * 23, [4, 8, 16]),
]


@pytest.mark.parametrize(("options", "name", "layer3", "layer4"), RATES)
def test_stride_and_dilation_of_every_3x3_convolution(options, name, layer3, layer4):
    basic = name in ("resnet10", "resnet18", "resnet34")
    counts = {"resnet10": (1, 1), "resnet18": (2, 2), "resnet34": (3, 4), "resnet50": (3, 4), "resnet101": (3, 4)}[name]

    def layer(rates, stride):
        first = [(stride, rates[0])] + [(1, rates[0])] * basic
        return [first] + [[(1, rate)] * (1 + basic) for rate in rates[1:]]

    expected = [
        layer([1] * counts[0], 1),
        layer([1] * counts[1], 2),
        layer(layer3, 2 if options["output_stride"] == 16 else 1),
        layer(layer4, 1),
    ]
    network = build(name, **options)
    assert spatial(network) == expected
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            assert module.padding == module.dilation, "the size is kept"


@pytest.mark.parametrize(("name", "channels"), [("resnet18", (8, 16, 32, 64)), ("resnet50", (32, 64, 128, 256))])
def test_narrow_networks_scale_every_layer(name, channels):
    network = ResNet(name, base_width=8).eval()
    assert network.channels == channels
    assert network.conv1.out_channels == 8
    shapes = [tuple(x.shape[1:]) for x in network(torch.zeros(1, 3, 64, 96))]
    assert shapes == [(channels[0], 16, 24), (channels[1], 8, 12), (channels[2], 4, 6), (channels[3], 4, 6)]


def test_deep_stem_is_named_and_sized_as_in_pytorch_encoding():
    network = build("resnet50", stem="deep")
    assert {k: tuple(v.shape) for k, v in network.state_dict().items() if k.startswith("conv1") and v.dim() == 4} == {
        "conv1.0.weight": (8, 3, 3, 3),
        "conv1.3.weight": (8, 8, 3, 3),
        "conv1.6.weight": (16, 8, 3, 3),
    }
    assert network.bn1.num_features == 16
    with torch.device("meta"):
        assert ResNet("resnet50", stem="deep").bn1.num_features == 128


def test_convolutions_start_by_torchvisions_rule():
    torch.manual_seed(0)
    network = ResNet("resnet18")
    weight = network.layer3[0].conv2.weight  # 256 x 256 x 3 x 3: std = sqrt(2 / (256 * 9)), fan out
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    down = network.layer2[0].downsample[0].weight  # 128 x 64 x 1 x 1: fan out 128, fan in 64
    assert down.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.05)
    assert all((m.weight == 1).all() and (m.bias == 0).all() for m in network.modules() if hasattr(m, "running_mean"))
