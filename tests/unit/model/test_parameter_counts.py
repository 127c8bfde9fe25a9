"""Parameters of every network of the paper, counted by hand: a convolution has k*k*in*out, a BN two per channel."""

import pytest
import torch

from acnet.model import build_network, count_parameters

from .variants import CLASSES, ROWS, full


def conv(kernel, inputs, outputs):
    return kernel * kernel * inputs * outputs


def cbr(kernel, inputs, outputs):
    return conv(kernel, inputs, outputs) + 2 * outputs


def bottlenecks(inputs, planes, count):
    first = cbr(1, inputs, planes) + cbr(3, planes, planes) + cbr(1, planes, 4 * planes) + cbr(1, inputs, 4 * planes)
    other = cbr(1, 4 * planes, planes) + cbr(3, planes, planes) + cbr(1, planes, 4 * planes)
    return first + (count - 1) * other


def basic_blocks(inputs, planes, count):
    projection = cbr(1, inputs, planes) if inputs != planes else 0
    first = cbr(3, inputs, planes) + cbr(3, planes, planes) + projection
    return first + (count - 1) * 2 * cbr(3, planes, planes)


STEM = cbr(7, 3, 64)
DEEP_STEM = cbr(3, 3, 64) + cbr(3, 64, 64) + cbr(3, 64, 128)
RESNET18 = STEM + sum(basic_blocks(*x) for x in [(64, 64, 2), (64, 128, 2), (128, 256, 2), (256, 512, 2)])
RESNET34 = STEM + sum(basic_blocks(*x) for x in [(64, 64, 3), (64, 128, 4), (128, 256, 6), (256, 512, 3)])
RESNET50 = STEM + sum(bottlenecks(*x) for x in [(64, 64, 3), (256, 128, 4), (512, 256, 6), (1024, 512, 3)])
RESNET101 = STEM + sum(bottlenecks(*x) for x in [(64, 64, 3), (256, 128, 4), (512, 256, 23), (1024, 512, 3)])
RESNET50_DEEP = RESNET50 - STEM + DEEP_STEM + (128 - 64) * (64 + 256)

REDUCTION = cbr(3, 2048, 512)


def classifier(channels):
    return channels * 19 + 19


def gcm(channels):
    return cbr(1, channels, channels) + 1


def lcm(low, high, outputs, times, local=64):
    fusions = cbr(3, local + high, outputs) + (times - 1) * cbr(3, local + outputs, outputs)
    return cbr(3, low, local) + fusions + 1


def auxiliary(channels):
    return cbr(3, channels, 256) + classifier(256)


ACB1 = gcm(512) + lcm(512, 512, 448, 3)
ACB2 = gcm(448) + lcm(256, 448, 256, 3)
ACB3 = gcm(256)
EXPECTED = {
    "fcn": RESNET50 + REDUCTION + classifier(512),
    "gc": RESNET50 + REDUCTION + gcm(512) + classifier(512),
    "gcm": RESNET50 + REDUCTION + gcm(512) + classifier(512),
    "gcm_lc": RESNET50 + REDUCTION + gcm(512) + lcm(512, 512, 448, 1) + classifier(448),
    "gcm_lcm1": RESNET50 + REDUCTION + gcm(512) + lcm(512, 512, 448, 1) + classifier(448),
    "gcm_lcm2": RESNET50 + REDUCTION + gcm(512) + lcm(512, 512, 448, 2) + classifier(448),
    "acb1": RESNET50 + REDUCTION + ACB1 + classifier(448),
    "acb2": RESNET50 + REDUCTION + ACB1 + ACB2 + classifier(256),
    "acb3": RESNET50 + REDUCTION + ACB1 + ACB2 + ACB3 + classifier(256),
    "r101_acb3": RESNET101 + REDUCTION + ACB1 + ACB2 + ACB3 + classifier(256) + auxiliary(1024),
    "fcn_lc": RESNET50 + REDUCTION + lcm(512, 512, 448, 1) + classifier(448),
}


def counted(config):
    with torch.device("meta"):
        return count_parameters(build_network(config, CLASSES))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_paper(row):
    assert counted(full(row)) == EXPECTED[row]


def test_the_hand_count_of_the_backbones_is_torchvisions_published_one():
    fc = {"resnet18": 513_000, "resnet34": 513_000, "resnet50": 2_049_000, "resnet101": 2_049_000}
    ours = {"resnet18": RESNET18, "resnet34": RESNET34, "resnet50": RESNET50, "resnet101": RESNET101}
    published = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160}
    assert {name: count + fc[name] for name, count in ours.items()} == published


@pytest.mark.parametrize("changes", [{"output_stride": 8}, {"multi_grid": [4, 8, 16]}, {"dilation": "prior"}])
def test_dilation_and_stride_add_no_parameter(changes):
    assert counted(full("acb3", **changes)) == EXPECTED["acb3"]


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34"])
def test_small_backbones_have_512_and_128_and_64_channels_to_offer(backbone):
    body = {"resnet18": RESNET18, "resnet34": RESNET34}[backbone]
    blocks = gcm(512) + lcm(128, 512, 448, 3) + gcm(448) + lcm(64, 448, 256, 3) + gcm(256)
    assert counted(full("acb3", backbone=backbone)) == body + cbr(3, 512, 512) + blocks + classifier(256)


@pytest.mark.parametrize("width", [48, 32])
def test_other_widths_of_the_local_feature(width):
    blocks = gcm(512) + lcm(512, 512, 448, 3, width) + gcm(448) + lcm(256, 448, 256, 3, width) + ACB3
    assert counted(full("acb3", local_channels=width)) == RESNET50 + REDUCTION + blocks + classifier(256)


def test_bare_convolution_of_the_global_feature_has_a_bias_and_no_norm():
    bare = conv(1, 512, 512) + 512 + 1
    assert counted(full("gcm", global_conv="conv1x1")) == RESNET50 + REDUCTION + bare + classifier(512)


def test_a_convolution_after_the_context_keeps_the_classifiers_channels():
    assert counted(full("fcn", after_context="conv_bn_relu")) == EXPECTED["fcn"] + cbr(3, 512, 512)
    assert counted(full("acb3", after_context="conv_bn_relu")) == EXPECTED["acb3"] + cbr(3, 256, 256)


def test_blocks_without_global_context_lack_its_module_alone():
    third_only = full("acb3", local_context="lc", global_blocks=[3])
    assert counted(third_only) == EXPECTED["acb3"] - gcm(512) - gcm(448)


def test_fixed_alphas_and_betas_are_no_trainable_values():
    assert counted(full("acb3", learn_scalars=False)) == EXPECTED["acb3"] - 5


def test_deep_stem_widens_the_first_block_of_layer1():
    assert counted(full("fcn", stem="deep")) == RESNET50_DEEP + REDUCTION + classifier(512)
